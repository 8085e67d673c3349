export { ByteReader } from './byte-reader.ts';
export { ByteWriter } from './byte-writer.ts';
export type { Component } from './component/ast.ts';
export { checkNames } from './component/check-names.ts';
export { type ComponentSummary, describeComponent } from './component/describe.ts';
export { type UnsupportedFeature, unsupportedFeatures } from './component/features.ts';
export { type Identity, identify } from './component/identify.ts';
export { readComponent } from './component/read-component.ts';
export { WasmError, type WasmErrorCode } from './errors.ts';

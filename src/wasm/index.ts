export { ByteReader } from './byte-reader.ts';
export { ByteWriter } from './byte-writer.ts';
export { WasmError, type WasmErrorCode } from './errors.ts';
export * as coreModule from './module/index.ts';

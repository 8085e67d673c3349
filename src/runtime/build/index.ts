export { ChildBuilder } from './child-builder.ts';
export { type BuildAnswer, type BuildRequest, fromWire, toWire, type WireError } from './protocol.ts';
export { coreModuleName, TRANSPILE_OPTIONS } from './transpile-options.ts';

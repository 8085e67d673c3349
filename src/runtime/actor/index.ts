export { type ComponentMetadata, keptMetadata, metadataBytes } from './component-metadata.ts';
export { registerHostFunctions } from './register.ts';

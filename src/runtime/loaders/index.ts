export { checkComponentSize, FileComponentLoader, isMissing, readComponentFile } from './file.ts';
export { fetchComponent } from './https.ts';
export { ChainComponentLoader, MemoryComponentLoader } from './memory.ts';
export { sourceMapBeside } from './source-map.ts';

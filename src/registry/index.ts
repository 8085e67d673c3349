export { FolderBlobStore } from './blobs/folder-blobs.ts';
export { RegistryError, type RegistryErrorCode } from './errors.ts';
export type { EvictionRule, IndexBackend, ModuleFilter, RegistryStatistics } from './index-backend.ts';
export type { ModuleMetadata } from './metadata.ts';
export { type SqliteIndexOptions, SqliteModuleIndex } from './sqlite/sqlite-index.ts';

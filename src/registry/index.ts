export { FolderBlobStore } from './blobs/folder-blobs.ts';
export { S3BlobStore, type S3Options } from './blobs/s3-blobs.ts';
export type { CollectionReport } from './collect-orphans.ts';
export { RegistryError, type RegistryErrorCode } from './errors.ts';
export type {
  BlobCustody,
  EvictionRule,
  IndexBackend,
  LogRule,
  LookupLog,
  ModuleFilter,
  ModuleLifecycle,
  RegistryStatistics,
  Resigning,
  StatusChange,
} from './index-backend.ts';
export { hashesOfComponent, hashesOfEmbedded, type WorldHashes } from './interface-hash.ts';
export type { RetentionOptions } from './lookup-retention.ts';
export type { ModuleMetadata } from './metadata.ts';
export {
  type LoadedModule,
  type ModuleCheck,
  type ModuleInterface,
  ModulePublisher,
  type PublisherOptions,
  type PublishOptions,
} from './module-publisher.ts';
export { ModuleTrust, type ModuleTrustOptions } from './module-trust.ts';
export { openBlobs, openIndex } from './open.ts';
export { type PostgresIndexOptions, PostgresModuleIndex } from './postgres/postgres-index.ts';
export { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
export { FileRetiredModules, type RetiredModules, type Retirement } from './retired-modules.ts';
export { type SqliteIndexOptions, SqliteModuleIndex } from './sqlite/sqlite-index.ts';

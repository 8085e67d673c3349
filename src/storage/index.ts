export { StorageError, type StorageErrorCode } from './errors.ts';
export { SqliteKeyValueStore } from './sqlite.ts';

import { VivariumError } from '#core/errors';

export type StorageErrorCode = 'STORAGE_UNAVAILABLE';

/** Reports that the storage back end cannot be opened or used. */
export class StorageError extends VivariumError<StorageErrorCode> {}

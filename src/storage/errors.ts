import { VivariumError } from '#core/errors';

export type StorageErrorCode = 'STORAGE_UNAVAILABLE';

/** The storage back end cannot be opened or used. */
export class StorageError extends VivariumError<StorageErrorCode> {}

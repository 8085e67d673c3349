import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  STORAGE_UNAVAILABLE: 'failed',
} as const satisfies Record<string, ErrorKind>;

export type StorageErrorCode = keyof typeof KINDS;

/** Reports that the storage back end cannot be opened or used. */
export class StorageError extends VivariumError<StorageErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}

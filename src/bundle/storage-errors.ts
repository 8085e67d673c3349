import { messageOf } from '#core/errors';
import { BundleError } from './errors.ts';

/**
 * Turns an exception of the file system while `doing` something into an error of ours. Our own errors stay unchanged.
 */
export function storageFailed(doing: string, cause: unknown): BundleError {
  if (cause instanceof BundleError) return cause;
  return new BundleError(
    'BUNDLE_STORAGE_FAILED',
    `${doing} failed: ${messageOf(cause)}; check the disk's space and permissions, then repeat the command`,
    { cause },
  );
}

/** Returns the system's name of an error (`ENOENT`), if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

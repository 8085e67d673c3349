import { messageOf } from '#core/errors';
import { BundleError } from './errors.ts';

/** Turns what the file system throws while `doing` something into an error of ours; an error of ours stays itself. */
export function storageFailed(doing: string, cause: unknown): BundleError {
  if (cause instanceof BundleError) return cause;
  return new BundleError(
    'BUNDLE_STORAGE_FAILED',
    `${doing} failed: ${messageOf(cause)}; see to the disk's space and permissions, then repeat the command`,
    { cause },
  );
}

/** The system's name of an error (`ENOENT`), if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

import { isVivariumError } from '#core/errors';

/** The cases of `wasi:filesystem/types.error-code` that our operations can fail with, by the system's error names. */
const CODES: Readonly<Record<string, string>> = {
  EACCES: 'access',
  EBADF: 'bad-descriptor',
  EBUSY: 'busy',
  EDQUOT: 'quota',
  EEXIST: 'exist',
  EFBIG: 'file-too-large',
  EINVAL: 'invalid',
  EISDIR: 'is-directory',
  ELOOP: 'loop',
  // WASI has no case for too many open files.
  EMFILE: 'insufficient-memory',
  EMLINK: 'too-many-links',
  ENAMETOOLONG: 'name-too-long',
  ENOENT: 'no-entry',
  ENOSPC: 'insufficient-space',
  ENOTDIR: 'not-directory',
  ENOTEMPTY: 'not-empty',
  EOVERFLOW: 'overflow',
  EPERM: 'not-permitted',
  EROFS: 'read-only',
  ETXTBSY: 'text-file-busy',
  EXDEV: 'cross-device',
};

/** Returns the case that the guest gets for a failed file operation. Rethrows any other error. */
export function errorCodeOf(thrown: unknown): string {
  if (isVivariumError(thrown, 'SECURITY_PERMISSION_DENIED')) return 'access';
  if (!isVivariumError(thrown, 'SECURITY_FILE_FAILED')) throw thrown;
  return CODES[String(thrown.details.errno)] ?? 'io';
}

/** Runs an operation. If it fails, throws the case of `error-code` that becomes the error case of the WIT `result`. */
export function answering<T>(operation: () => T): T {
  try {
    return operation();
  } catch (thrown) {
    throw typeof thrown === 'string' ? thrown : errorCodeOf(thrown);
  }
}

/** Like `answering`, for an operation that takes time. */
export async function answeringLater<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (thrown) {
    return answering(() => {
      throw thrown;
    });
  }
}

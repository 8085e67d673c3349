import { VivariumError } from '#core';

export type BundleErrorCode =
  | 'BUNDLE_INVALID_OPTION'
  | 'BUNDLE_NOT_FOUND'
  | 'BUNDLE_INVALID_LOCKFILE'
  | 'BUNDLE_UNSUPPORTED_VERSION'
  | 'BUNDLE_WRONG_PRODUCER'
  | 'BUNDLE_CHUNK_MISSING'
  | 'BUNDLE_CHUNK_CORRUPT'
  | 'BUNDLE_INVALID_CHUNK'
  | 'BUNDLE_INVALID_DATABASE'
  | 'BUNDLE_DATABASE_LOCKED'
  | 'BUNDLE_EMPTY'
  | 'BUNDLE_LEFT_OUT'
  | 'BUNDLE_STALE'
  | 'BUNDLE_TOO_LARGE'
  | 'BUNDLE_TARGET_EXISTS'
  | 'BUNDLE_TARGET_BUSY'
  | 'BUNDLE_STORAGE_FAILED'
  | 'BUNDLE_UNREACHABLE'
  | 'BUNDLE_UNAUTHORISED'
  | 'BUNDLE_REGISTRY_REFUSED'
  | 'BUNDLE_INVALID_MANIFEST'
  | 'BUNDLE_DIGEST_MISMATCH'
  | 'BUNDLE_TAG_MOVED'
  | 'BUNDLE_FORBIDDEN_ADDRESS';

/** What went wrong while a bundle was packed, carried, checked or restored. */
export class BundleError extends VivariumError<BundleErrorCode> {}

/** What a command ends with: the exit codes that all commands of `viv` share. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof BundleError)) return 1;
  switch (error.code) {
    case 'BUNDLE_INVALID_OPTION':
      return 2;
    case 'BUNDLE_NOT_FOUND':
    case 'BUNDLE_CHUNK_MISSING':
      return 3;
    case 'BUNDLE_UNREACHABLE':
      return 5;
    case 'BUNDLE_UNAUTHORISED':
      return 6;
    case 'BUNDLE_DATABASE_LOCKED':
    case 'BUNDLE_TARGET_BUSY':
    case 'BUNDLE_STORAGE_FAILED':
      return 1;
    default:
      return 4;
  }
}

/** Text from outside, made safe to print: quoted, control characters escaped, cut after 80 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

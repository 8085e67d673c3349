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
  | 'BUNDLE_STORAGE_FAILED'
  | 'BUNDLE_UNREACHABLE'
  | 'BUNDLE_UNAUTHORISED'
  | 'BUNDLE_REGISTRY_REFUSED'
  | 'BUNDLE_INVALID_MANIFEST'
  | 'BUNDLE_DIGEST_MISMATCH'
  | 'BUNDLE_TAG_MOVED'
  | 'BUNDLE_UNTRUSTED'
  | 'BUNDLE_FORBIDDEN_ADDRESS';

/** What went wrong while a bundle was packed, carried, checked or restored. */
export class BundleError extends VivariumError<BundleErrorCode> {}

/** Text from outside, made safe to print: quoted, control characters escaped, cut after 80 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

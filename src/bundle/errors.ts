import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  BUNDLE_INVALID_OPTION: 'usage',
  BUNDLE_NOT_FOUND: 'not-found',
  BUNDLE_INVALID_LOCKFILE: 'refused',
  BUNDLE_UNSUPPORTED_VERSION: 'refused',
  BUNDLE_WRONG_PRODUCER: 'refused',
  BUNDLE_CHUNK_MISSING: 'not-found',
  BUNDLE_CHUNK_CORRUPT: 'refused',
  BUNDLE_INVALID_CHUNK: 'refused',
  BUNDLE_INVALID_DATABASE: 'refused',
  BUNDLE_DATABASE_LOCKED: 'failed',
  BUNDLE_EMPTY: 'refused',
  BUNDLE_LEFT_OUT: 'refused',
  BUNDLE_STALE: 'refused',
  BUNDLE_TOO_LARGE: 'refused',
  BUNDLE_TARGET_EXISTS: 'refused',
  BUNDLE_STORAGE_FAILED: 'failed',
  BUNDLE_UNREACHABLE: 'unreachable',
  BUNDLE_UNAUTHORISED: 'unauthorised',
  BUNDLE_REGISTRY_REFUSED: 'refused',
  BUNDLE_INVALID_MANIFEST: 'refused',
  BUNDLE_DIGEST_MISMATCH: 'refused',
  BUNDLE_TAG_MOVED: 'refused',
  BUNDLE_UNTRUSTED: 'refused',
  BUNDLE_FORBIDDEN_ADDRESS: 'refused',
} as const satisfies Record<string, ErrorKind>;

export type BundleErrorCode = keyof typeof KINDS;

/** Reports what went wrong while a bundle was packed, transferred, checked or restored. */
export class BundleError extends VivariumError<BundleErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}

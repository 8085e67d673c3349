import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  CACHE_ABORTED: 'failed',
  CACHE_CLOSED: 'failed',
  CACHE_COMPILE_FAILED: 'failed',
  CACHE_DIGEST_MISMATCH: 'refused',
  CACHE_INVALID_ARTIFACT: 'failed',
  CACHE_INVALID_CONFIG: 'usage',
  CACHE_INVALID_KEY: 'usage',
  CACHE_UNAVAILABLE: 'failed',
  CACHE_UNSAFE_ROOT: 'refused',
  CACHE_UNTRUSTED: 'refused',
  CACHE_WARMUP_FAILED: 'failed',
} as const satisfies Record<string, ErrorKind>;

export type CacheErrorCode = keyof typeof KINDS;

/**
 * Reports a request that the artifact cache refuses. A failing disk is not an error: the cache then works without a
 * disk tier.
 */
export class CacheError extends VivariumError<CacheErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}

import { VivariumError } from '#core/errors';

export type CacheErrorCode =
  | 'CACHE_ABORTED'
  | 'CACHE_CLOSED'
  | 'CACHE_COMPILE_FAILED'
  | 'CACHE_DIGEST_MISMATCH'
  | 'CACHE_INVALID_ARTIFACT'
  | 'CACHE_INVALID_CONFIG'
  | 'CACHE_INVALID_KEY'
  | 'CACHE_UNAVAILABLE'
  | 'CACHE_UNSAFE_ROOT'
  | 'CACHE_UNTRUSTED'
  | 'CACHE_WARMUP_FAILED';

/**
 * Reports a request that the artifact cache refuses. A failing disk is not an error: the cache then works without a
 * disk tier.
 */
export class CacheError extends VivariumError<CacheErrorCode> {}

import type { Random } from '#core/ports/random';

/**
 * Returns the milliseconds to wait before a restart. The wait doubles with each restart of the window. A random part of
 * at most half is subtracted, so that actors which failed together do not restart together.
 * @param restart 1 for the first restart
 */
export function backoff(restart: number, firstMs: number, longestMs: number, random: Random): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(restart - 1, 52));
  return full / 2 + (full / 2) * random.fraction();
}

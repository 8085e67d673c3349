import type { Random } from '#core/ports/random';

/**
 * Milliseconds to wait before a restart: doubled with each restart of the window, and between half and all of that, so
 * that actors which failed together do not come back together.
 * @param restart 1 for the first restart
 */
export function backoff(restart: number, firstMs: number, longestMs: number, random: Random): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(restart - 1, 52));
  return full / 2 + (full / 2) * random.fraction();
}

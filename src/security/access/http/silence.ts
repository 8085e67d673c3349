import type { Clock, StopTimer } from '#core/ports/clock';

/** How often bytes are counted within the time that may pass without one. */
const COUNTS = 4;

/**
 * Calls `onSilence` once when no byte has come or gone for `idleMs`. Bytes are counted from time to time, so that a piece of a body
 * costs nothing; silence is therefore noticed up to a quarter of its time late, never early.
 * @param bytes how many bytes have come and gone
 */
export function onceSilent(
  bytes: () => number,
  idleMs: number,
  clock: Pick<Clock, 'after' | 'monotonic'>,
  onSilence: () => void,
): StopTimer {
  let [counted, since] = [bytes(), clock.monotonic()];
  const count = (): void => {
    const [now, total] = [clock.monotonic(), bytes()];
    if (total !== counted) [counted, since] = [total, now];
    const leftMs = since + idleMs - now;
    if (leftMs <= 0) onSilence();
    else stop = clock.after(Math.min(idleMs / COUNTS, leftMs), count);
  };
  let stop = clock.after(idleMs / COUNTS, count);
  return () => stop();
}

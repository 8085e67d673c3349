import type { Clock } from '#core/ports/clock';

/** A wall clock that tests set; nothing waits on it. */
export function fixedClock(now = 1_700_000_000_000): Pick<Clock, 'now'> & { time: number } {
  const clock = { time: now, now: () => clock.time };
  return clock;
}

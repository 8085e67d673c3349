import { randomFillSync } from 'node:crypto';
import type { Clock, StopTimer } from '#core/ports/clock';
import type { Random } from '#core/ports/random';

/** The longest that Node's timers wait: more is taken for a millisecond. https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const LONGEST_MS = 2 ** 31 - 1;

/** Asked for once: the global that gives it is a getter. */
const { performance } = globalThis;

/** The machine's clocks and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs: number, task: () => void): StopTimer {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      const isLast = leftMs <= LONGEST_MS;
      timer = setTimeout(isLast ? task : () => wait(leftMs - LONGEST_MS), isLast ? leftMs : LONGEST_MS);
      timer.unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

/** The operating system's randomness. */
export const systemRandom: Random = {
  bytes: (length: number) => randomFillSync(new Uint8Array(length)),
  fraction: () => Math.random(),
};

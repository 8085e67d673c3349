import { randomFillSync } from 'node:crypto';
import type { Clock, Random, StopTimer } from '#core';

/** The machine's clocks and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs: number, task: () => void): StopTimer {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The operating system's randomness. */
export const systemRandom: Random = {
  bytes: (length: number) => randomFillSync(new Uint8Array(length)),
  fraction: () => Math.random(),
};

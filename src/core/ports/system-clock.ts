import type { Clock, StopTimer } from './clock.ts';

/** The longest delay of a Node timer; Node replaces a longer one by 1 ms. https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const LONGEST_MS = 2 ** 31 - 1;

/** Read once, because the global is a getter. */
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

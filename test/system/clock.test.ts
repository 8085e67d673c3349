import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/system/clock.ts';

afterEach(() => {
  vi.useRealTimers();
});

const DAY = 86_400_000;

// Node takes a delay of more than 2 ** 31 - 1 ms for one of 1 ms: a request without end woke the process a thousand times a second.
it.each([10, 24 * DAY, 25 * DAY, 400 * DAY])('a timer of %i ms comes then, and once', (delayMs) => {
  vi.useFakeTimers();
  let calls = 0;
  systemClock.after(delayMs, () => {
    calls += 1;
  });
  vi.advanceTimersByTime(delayMs - 1);
  expect(calls).toBe(0);
  vi.advanceTimersByTime(delayMs + 2);
  expect(calls).toBe(1);
});

it('a timer that was stopped does not come, however late in its life', () => {
  vi.useFakeTimers();
  let calls = 0;
  const stop = systemClock.after(100 * DAY, () => {
    calls += 1;
  });
  vi.advanceTimersByTime(60 * DAY);
  stop();
  vi.advanceTimersByTime(60 * DAY);
  expect(calls).toBe(0);
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StatementTimer } from '../../src/registry/postgres/statement-timer.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('ends the statement that takes too long, measured from its own beginning', () => {
  const timer = new StatementTimer();
  const ended: string[] = [];
  timer.start(100, () => ended.push('first'));
  vi.advanceTimersByTime(90);
  timer.stop();
  vi.advanceTimersByTime(5);
  timer.start(100, () => ended.push('second'));
  vi.advanceTimersByTime(99);
  expect(ended).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ended).toEqual(['second']);
});

it('leaves alone what has ended, and serves the next after it ran off', () => {
  const timer = new StatementTimer();
  const ended: string[] = [];
  timer.start(100, () => ended.push('first'));
  timer.stop();
  vi.advanceTimersByTime(1_000);
  timer.start(100, () => ended.push('second'));
  vi.advanceTimersByTime(99);
  timer.stop();
  vi.advanceTimersByTime(1_000);
  expect(ended).toEqual([]);
  timer.start(100, () => ended.push('third'));
  vi.advanceTimersByTime(100);
  expect(ended).toEqual(['third']);
});

it('keeps to the time of each statement, where they differ, and to none after its end', () => {
  const timer = new StatementTimer();
  const ended: string[] = [];
  timer.start(100, () => ended.push('short'));
  timer.stop();
  timer.start(1_000, () => ended.push('long'));
  vi.advanceTimersByTime(999);
  expect(ended).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ended).toEqual(['long']);
  timer.start(100, () => ended.push('never'));
  timer.end();
  vi.advanceTimersByTime(1_000);
  expect(ended).toEqual(['long']);
});

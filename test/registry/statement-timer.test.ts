import { expect, it } from 'vitest';
import { StatementTimer } from '../../src/registry/postgres/statement-timer.ts';
import { TestClock } from '../../src/testing/clock.ts';

it('ends the statement that takes too long, measured from its own beginning', () => {
  const clock = new TestClock();
  const timer = new StatementTimer(clock);
  const ended: string[] = [];
  timer.start(100, () => ended.push('first'));
  clock.advance(90);
  timer.stop();
  clock.advance(5);
  timer.start(100, () => ended.push('second'));
  clock.advance(99);
  expect(ended).toEqual([]);
  clock.advance(1);
  expect(ended).toEqual(['second']);
});

it('leaves alone what has ended, and serves the next after it ran off', () => {
  const clock = new TestClock();
  const timer = new StatementTimer(clock);
  const ended: string[] = [];
  timer.start(100, () => ended.push('first'));
  timer.stop();
  clock.advance(1_000);
  timer.start(100, () => ended.push('second'));
  clock.advance(99);
  timer.stop();
  clock.advance(1_000);
  expect(ended).toEqual([]);
  timer.start(100, () => ended.push('third'));
  clock.advance(100);
  expect(ended).toEqual(['third']);
});

it('keeps to the time of each statement, where they differ, and to none after its end', () => {
  const clock = new TestClock();
  const timer = new StatementTimer(clock);
  const ended: string[] = [];
  timer.start(100, () => ended.push('short'));
  timer.stop();
  timer.start(1_000, () => ended.push('long'));
  clock.advance(999);
  expect(ended).toEqual([]);
  clock.advance(1);
  expect(ended).toEqual(['long']);
  timer.start(100, () => ended.push('never'));
  timer.end();
  clock.advance(1_000);
  expect(ended).toEqual(['long']);
});

it('keeps one timer of the clock for all statements, and none once they have ended', () => {
  const clock = new TestClock();
  const timer = new StatementTimer(clock);
  for (let each = 0; each < 1_000; each++) {
    timer.start(100, () => {});
    clock.advance(0.01);
    timer.stop();
  }
  expect([clock.waiting, clock.nextTimer]).toEqual([1, 100]);
  clock.advance(1_000);
  expect(clock.waiting).toBe(0);
});

it('leaves no timer of a connection that is given up, whether a statement runs or not', () => {
  const clock = new TestClock();
  const ended: string[] = [];
  for (const isRunning of [true, false]) {
    const timer = new StatementTimer(clock);
    timer.start(100, () => ended.push('ended'));
    if (!isRunning) timer.stop();
    expect(clock.waiting).toBe(1);
    timer.end();
    expect(clock.waiting).toBe(0);
  }
  clock.advance(1_000);
  expect(ended).toEqual([]);
  // One that was never started has none.
  new StatementTimer(clock).end();
});

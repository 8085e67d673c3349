import { fork } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { afterWork, type Work, workInProc } from '../../src/processes/working-time.ts';
import { TestClock } from '../../src/testing/clock.ts';
import type { Question } from './support/answering-child.ts';

/** Returns the time at which a process is late that may work for 1,000 ms, or undefined if it is not within a minute. */
function lateAfter(workAt: (ms: number) => Work | undefined): number | undefined {
  const clock = new TestClock();
  let late: number | undefined;
  const work = { pid: 1, maxMs: 1_000, clock, workOf: () => workAt(clock.monotonic()) };
  const stop = afterWork(work, () => {
    late ??= clock.monotonic();
  });
  clock.advance(60_000);
  stop();
  return late;
}

it('a process that works is late when it has had a processor for its time, however small its share', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(10_000), (tenths, before) => {
      const late = lateAfter((ms) => ({ ms: before + (ms * tenths) / 10, isBusy: true }));
      const due = Math.max(1_000, 10_000 / tenths);
      expect(late).toBeGreaterThanOrEqual(due);
      expect(late).toBeLessThanOrEqual(Math.min(due + 50, 10_000));
    }),
  );
});

it('a process is late at its time where it does nothing, has ended, or the system does not tell', () => {
  expect(lateAfter(() => ({ ms: 0, isBusy: false }))).toBe(1_000);
  expect(lateAfter(() => undefined)).toBe(1_000);
  expect(lateAfter((ms) => (ms < 1_000 ? { ms, isBusy: true } : undefined))).toBe(1_000);
  // One that never gets a processor.
  expect(lateAfter(() => ({ ms: 0, isBusy: true }))).toBe(10_000);
});

it('a watch that has ended says nothing, also once it has looked', () => {
  const clock = new TestClock();
  let late = 0;
  const work = { pid: 1, maxMs: 1_000, clock, workOf: () => ({ ms: 0, isBusy: true }) };
  for (const ms of [999, 1_000, 5_000]) {
    const stop = afterWork(work, () => void late++);
    clock.advance(ms);
    stop();
    clock.advance(60_000);
  }
  expect([late, clock.waiting]).toEqual([0, 0]);
});

it.runIf(process.platform === 'linux')('Linux tells what a process has done', async () => {
  const child = fork(new URL('./support/answering-child.ts', import.meta.url), { execArgv: ['--no-warnings'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ask = (question: Question): boolean => child.send(question);
  const work = (): Work | undefined => workInProc(child.pid);
  ask({ ask: 'nothing' });
  await expect.poll(work).toMatchObject({ isBusy: false });
  const { ms } = work() as Work;
  expect(ms).toBeGreaterThan(0);
  ask({ ask: 'loop' });
  await expect.poll(() => (work() as Work).ms).toBeGreaterThanOrEqual(ms + 100);
  await expect.poll(work).toMatchObject({ isBusy: true });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  expect(work()).toBeUndefined();
  expect(workInProc(undefined)).toBeUndefined();
});

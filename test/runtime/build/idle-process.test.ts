import { expect, it } from 'vitest';
import type { BuildProcess } from '../../../src/runtime/build/build-process.ts';
import { IdleProcess } from '../../../src/runtime/build/idle-process.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { idleProcessOf } from '../../support/idle-process-of.ts';

const IDLE_MS = 2_000;

/** A child that says whether it was stopped. */
class Child {
  isFit = true;
  stopped = false;
  stop(): void {
    this.isFit = false;
    this.stopped = true;
  }
}
const kept = (child: Child): BuildProcess => child as unknown as BuildProcess;

function scene() {
  const clock = new TestClock();
  return { clock, idle: new IdleProcess({ clock, idleMs: IDLE_MS }), child: new Child() };
}

it('a child that is taken is not stopped when its time is over, and is taken once', () => {
  const { clock, idle, child } = scene();
  idle.keep(kept(child));
  expect(idle.take()).toBe(child);
  expect(idle.take()).toBe(undefined);
  clock.advance(IDLE_MS);
  expect(child.stopped).toBe(false);
});

it('a child that nobody takes is stopped after its time', () => {
  const { clock, idle, child } = scene();
  idle.keep(kept(child));
  clock.advance(IDLE_MS - 1);
  expect(child.stopped).toBe(false);
  clock.advance(1);
  expect(child.stopped).toBe(true);
  expect(idle.take()).toBe(undefined);
});

it('a child is stopped with its builder, and where another one takes its place, which has all of its time', () => {
  const { clock, idle, child } = scene();
  const other = new Child();
  idle.keep(kept(child));
  clock.advance(IDLE_MS - 1);
  idle.keep(kept(other));
  expect(child.stopped).toBe(true);
  clock.advance(IDLE_MS - 1);
  expect(other.stopped).toBe(false);
  idle.close();
  expect(other.stopped).toBe(true);
});

it('a child that has died meanwhile is not taken', () => {
  const { idle, child } = scene();
  idle.keep(kept(child));
  child.isFit = false;
  expect(idle.take()).toBe(undefined);
});

it('tests of a builder with a clock of their own have a place of its own', () => {
  const options = { program: new URL('file:///build-child.mjs'), clock: new TestClock(), idleMs: IDLE_MS };
  const place = (): IdleProcess => idleProcessOf({ ...options, maxBuildTimeMs: 1, maxBuildMemoryBytes: 1 });
  expect(place()).not.toBe(place());
});

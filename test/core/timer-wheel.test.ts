import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerWheel, WheelTimer } from '#core/waiting';
import { TestClock } from '../../src/testing/clock.ts';

class Probe extends WheelTimer {
  readonly fired: number[] = [];
  readonly #clock: TestClock;

  constructor(clock: TestClock) {
    super();
    this.#clock = clock;
  }

  expire(): void {
    this.fired.push(this.#clock.monotonic());
  }
}

describe('the timer wheel', () => {
  it('runs a timer without a delay although the clock stands still, unless it was stopped', () => {
    const clock = new TestClock();
    const wheel = new TimerWheel(clock);
    for (let again = 0; again < 3; again++) {
      const [kept, stopped] = [new Probe(clock), new Probe(clock)];
      for (const probe of [kept, stopped]) wheel.schedule(probe, clock.monotonic(), 0);
      expect(wheel.stop(stopped)).toBe(true);
      clock.advance(0);
      expect([kept.fired, stopped.fired]).toEqual([[clock.monotonic()], []]);
    }
  });

  it('runs every timer once at its own millisecond, and stopped ones never, for any schedule', () => {
    const step = fc.record({
      wait: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 5_000_000 })),
      delay: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 4_294_967_295 })),
      stop: fc.option(fc.nat({ max: 30 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const clock = new TestClock();
        const wheel = new TimerWheel(clock);
        const timers: { probe: Probe; due: number; stopped: boolean }[] = [];
        for (const { wait, delay, stop } of steps) {
          clock.advance(wait);
          const probe = new Probe(clock);
          wheel.schedule(probe, clock.monotonic(), delay);
          timers.push({ probe, due: clock.monotonic() + Math.max(delay, 0), stopped: false });
          const victim = stop === undefined ? undefined : timers[stop];
          if (victim !== undefined && victim.probe.fired.length === 0) {
            wheel.stop(victim.probe);
            victim.stopped = true;
          }
        }
        clock.advance(5_000_000_000);
        for (const { probe, due, stopped } of timers) {
          if (stopped) expect(probe.fired).toEqual([]);
          else {
            expect(probe.fired).toHaveLength(1);
            expect(probe.fired[0]! - due).toBeGreaterThanOrEqual(0);
            expect(probe.fired[0]! - due).toBeLessThanOrEqual(1);
          }
        }
        expect(clock.nextTimer).toBeUndefined();
      }),
    );
  });

  it('ends a timer at the tick at which another moves down a level', () => {
    // The slot of the lower level was passed over when a higher one was due at the same tick, for a whole round.
    const clock = new TestClock();
    const wheel = new TimerWheel(clock);
    const [high, low] = [new Probe(clock), new Probe(clock)];
    clock.advance(16);
    wheel.schedule(high, clock.monotonic(), 32);
    clock.advance(2);
    wheel.schedule(low, clock.monotonic(), 14);
    clock.advance(100);
    expect([low.fired, high.fired]).toEqual([[32], [48]]);
  });

  it('keeps one timer of the clock, however many time-outs are open', () => {
    const clock = new TestClock();
    const wheel = new TimerWheel(clock);
    let timers = 0;
    const after = clock.after.bind(clock);
    clock.after = (delay, task) => {
      timers += 1;
      return after(delay, task);
    };
    for (let each = 0; each < 1_000; each++) wheel.schedule(new Probe(clock), clock.monotonic(), 5_000);
    expect(timers).toBe(1);
  });

  it('is not late when the clock was ahead of it', () => {
    const clock = new TestClock();
    const wheel = new TimerWheel(clock);
    const far = new Probe(clock);
    wheel.schedule(far, clock.monotonic(), 10_000_000);
    clock.spend(9_999_000.5);
    const near = new Probe(clock);
    wheel.schedule(near, clock.monotonic(), 10);
    clock.advance(2_000);
    expect(near.fired[0]).toBeGreaterThanOrEqual(9_999_010.5);
    expect(near.fired[0]).toBeLessThan(9_999_012);
    expect(far.fired[0]).toBe(10_000_000);
  });
});

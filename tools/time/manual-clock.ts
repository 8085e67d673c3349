import { setImmediate } from 'node:timers/promises';
import type { Clock, StopTimer } from '#core/ports/clock';

/** A clock that stands still until a test moves it; wall time may also be set, backwards too. */
export class ManualClock implements Clock {
  #now: number;
  #monotonic = 0;
  #timers = new Set<{ at: number; task: () => void }>();

  constructor(now: number = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, task: () => void): StopTimer {
    const timer = { at: this.#monotonic + delayMs, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Time passes; timers that fall due run. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#step(next.at - this.#monotonic);
      next.task();
    }
    this.#step(end - this.#monotonic);
  }

  /** Lets time pass, a millisecond for each round of the event loop, until the work has ended. */
  async during<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const end = (): void => {
      isOver = true;
    };
    work.then(end, end);
    while (!isOver) {
      await setImmediate();
      this.advance(1);
    }
    return work;
  }

  /** Somebody sets the wall clock. */
  setWall(now: number): void {
    this.#now = now;
  }

  #step(ms: number): void {
    this.#monotonic += ms;
    this.#now += ms;
  }
}

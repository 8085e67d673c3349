import type { Clock, StopTimer } from '#core/ports/clock';
import type { Random } from '#core/ports/random';

/** Time that moves only when told to. */
export class SimulatedClock implements Clock {
  #now = 0;
  #timers: { at: number; order: number; task: () => void }[] = [];
  #order = 0;
  readonly epochMs: number;

  constructor(epochMs = 1_700_000_000_000) {
    this.epochMs = epochMs;
  }

  now(): number {
    return this.epochMs + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, task: () => void): StopTimer {
    const timer = { at: this.#now + delayMs, order: this.#order++, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get nextTimer(): number | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map((timer) => timer.at));
  }

  /** Time goes by while code runs; no timer is looked at. */
  spend(ms: number): void {
    this.#now += ms;
  }

  /** Moves time on, running each timer at its own moment. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.at - b.at || a.order - b.order);
      if (next === undefined || next.at > end) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
    }
    this.#now = Math.max(this.#now, end);
  }
}

/** Numbers from a seed (mulberry32): the same seed, the same run. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.fraction() * 256));
  }

  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }
}

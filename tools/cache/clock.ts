import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';

/** The machine's own time, as the product uses it. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

export const realRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
};

/** Time that goes on only when told to; timers run when their time has come. The wall clock may be set back. */
export class TestClock implements Clock {
  wall = 1_800_000_000_000;
  elapsed = 0;
  #timers: { at: number; task: () => void }[] = [];

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = { at: this.elapsed + delayMs, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(ms: number): void {
    this.wall += ms;
    this.elapsed += ms;
    const due = this.#timers.filter(({ at }) => at <= this.elapsed);
    this.#timers = this.#timers.filter(({ at }) => at > this.elapsed);
    for (const { task } of due) task();
  }
}

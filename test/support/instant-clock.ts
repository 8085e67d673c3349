import type { Clock } from '#core/ports/clock';

/** Every wait is over at once, and is written down. */
export class InstantClock implements Clock {
  readonly waits: number[] = [];
  time = 1_700_000_000_000;

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  after(delayMs: number, task: () => void): () => void {
    this.waits.push(delayMs);
    const immediate = setImmediate(() => {
      this.time += delayMs;
      task();
    });
    return () => clearImmediate(immediate);
  }
}

import type { Clock } from '#core/ports/clock';
import { createRuntime, type Runtime, type RuntimeOptions } from '#system';

/** A clock that the test moves. What waits for a time runs when `advance` passes it. */
export class TestClock implements Clock {
  #now: number;
  #last = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly task: () => void }>();

  /** @param now milliseconds since 1970 */
  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, task: () => void): () => void {
    this.#last += 1;
    const id = this.#last;
    this.#timers.set(id, { at: this.#now + delayMs, task });
    return () => void this.#timers.delete(id);
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets time pass, and runs what was waited for in the order of its times. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (next === undefined) break;
      const [id, { at, task }] = next;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, at);
      task();
    }
    this.#now = end;
  }
}

/** A runtime for tests of built components: `runtime.load('actor.wasm')` as ever, under a clock that the test moves. */
export async function createTestRuntime(
  options: RuntimeOptions = {},
): Promise<{ readonly runtime: Runtime; readonly clock: TestClock }> {
  const clock = new TestClock();
  const runtime = await createRuntime({ ...options, overrides: { clock, ...options.overrides } });
  return { runtime, clock };
}

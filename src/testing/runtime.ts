import type { Clock } from '#core/ports/clock';
import { createRuntime, type Runtime, type RuntimeOptions } from '#system';

/** A clock that the test moves. What waits for a time runs when `advance` passes it. */
export class TestClock implements Clock {
  #now: number;
  #last = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly task: () => void }>();
  /** Those who wait for a timer that is due by a time. */
  readonly #expected = new Set<{ readonly by: number; readonly resolve: () => void }>();

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
    const at = this.#now + delayMs;
    this.#timers.set(id, { at, task });
    for (const each of this.#expected) if (at <= each.by) each.resolve();
    return () => void this.#timers.delete(id);
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /**
   * Waits until something waits for a time that is at most `ms` away, as an actor that sleeps, and then lets so much time pass. A
   * request begins its turn some steps of the event loop later, so `advance` directly after it would come before the actor waits.
   */
  async pass(ms: number): Promise<void> {
    const by = this.#now + ms;
    if (![...this.#timers.values()].some(({ at }) => at <= by)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const expected = { by, resolve };
      this.#expected.add(expected);
      await promise;
      this.#expected.delete(expected);
    }
    this.advance(by - this.#now);
  }

  /** Lets time pass at once, and runs what was waited for in the order of its times. */
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

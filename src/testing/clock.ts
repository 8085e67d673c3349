import { setImmediate as nextStep } from 'node:timers/promises';
import type { Clock, StopTimer } from '#core/ports/clock';

interface Timer {
  readonly at: number;
  readonly task: () => void;
}

/** A clock that the test moves. What waits for a time runs when `advance` passes it. */
export class TestClock implements Clock {
  /** The delays of the timers that ran, or will run, at once, in milliseconds; see `atOnce`. */
  readonly waits: number[] = [];
  /** Timers of at most so many milliseconds run at once. */
  #atOnceMs = -1;
  #wall: number;
  #monotonic = 0;
  #last = 0;
  /** In the order in which they were set, so that those of one time run in this order. */
  readonly #timers = new Map<number, Timer>();
  /** Those who wait for a timer that is due by a time. */
  readonly #expected = new Set<{ readonly by: number; readonly resolve: () => void }>();

  /** @param now milliseconds since 1970 */
  constructor(now = 1_700_000_000_000) {
    this.#wall = now;
  }

  /**
   * A clock whose timers run by themselves: each at the next step of the event loop, and the clock jumps to its time.
   * @param longestMs the longest delay that passes in this way; longer timers run only when `advance` passes them
   */
  static atOnce(longestMs: number = Number.POSITIVE_INFINITY): TestClock {
    const clock = new TestClock();
    clock.#atOnceMs = longestMs;
    return clock;
  }

  now(): number {
    return this.#wall;
  }

  /** Milliseconds since the clock was made. */
  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, task: () => void): StopTimer {
    this.#last += 1;
    const id = this.#last;
    const timer = { at: this.#monotonic + delayMs, task };
    this.#timers.set(id, timer);
    for (const each of this.#expected) if (timer.at <= each.by) each.resolve();
    if (delayMs > this.#atOnceMs) return () => void this.#timers.delete(id);
    this.waits.push(delayMs);
    const immediate = setImmediate(() => this.#run(id, timer));
    return () => {
      clearImmediate(immediate);
      this.#timers.delete(id);
    };
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** The monotonic time of the timer that is due next; undefined when none waits. */
  get nextTimer(): number | undefined {
    return this.#next()?.[1].at;
  }

  /** Lets time pass at once, and runs what was waited for in the order of its times. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (let next = this.#next(); next !== undefined && next[1].at <= end; next = this.#next()) this.#run(...next);
    this.#moveTo(end);
  }

  /** Lets time pass without running any timer, as while code computes. */
  spend(ms: number): void {
    this.#moveTo(this.#monotonic + ms);
  }

  /**
   * Waits until something waits for a time that is at most `ms` away, as an actor that sleeps, and then lets so much time pass. A
   * request begins its turn some steps of the event loop later, so `advance` directly after it would come before the actor waits.
   */
  async pass(ms: number): Promise<void> {
    const by = this.#monotonic + ms;
    if (![...this.#timers.values()].some(({ at }) => at <= by)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const expected = { by, resolve };
      this.#expected.add(expected);
      await promise;
      this.#expected.delete(expected);
    }
    this.advance(by - this.#monotonic);
  }

  /** Lets time pass, a millisecond for each step of the event loop, until the work has ended. */
  async during<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const end = (): void => {
      isOver = true;
    };
    work.then(end, end);
    while (!isOver) {
      await nextStep();
      this.advance(1);
    }
    return work;
  }

  /** Sets the wall clock, also backwards. Timers do not notice. */
  setWall(now: number): void {
    this.#wall = now;
  }

  #next(): [id: number, timer: Timer] | undefined {
    let first: [id: number, timer: Timer] | undefined;
    for (const entry of this.#timers) if (first === undefined || entry[1].at < first[1].at) first = entry;
    return first;
  }

  #run(id: number, { at, task }: Timer): void {
    this.#timers.delete(id);
    this.#moveTo(at);
    task();
  }

  /** Moves to a time, unless it has passed already: tasks may move the clock too. */
  #moveTo(time: number): void {
    const ms = Math.max(0, time - this.#monotonic);
    this.#monotonic += ms;
    this.#wall += ms;
  }
}

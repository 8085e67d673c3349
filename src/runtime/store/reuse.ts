import type { Clock } from '#core/ports/clock';
import type { ReuseLimits } from '#core/ports/engine';

type ReuseClock = Pick<Clock, 'monotonic' | 'after'>;

/** Says when the instance that answers HTTP requests is to be replaced by a fresh one. */
export class Reuse {
  readonly #limits: ReuseLimits;
  readonly #clock: ReuseClock;
  /** Whether a limit is a time, so that the clock is read for each request. */
  readonly #isTimed: boolean;
  /** Ends the instance, unless a request keeps it busy. */
  readonly #endIdle: () => void;
  #isWatched = false;
  #requests = 0;
  #bornAt: number;
  #usedAt: number;

  constructor(limits: ReuseLimits, clock: ReuseClock, endIdle: () => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#isTimed = limits.maxAgeMs !== undefined || limits.maxIdleMs !== undefined;
    this.#endIdle = endIdle;
    this.#bornAt = clock.monotonic();
    this.#usedAt = this.#bornAt;
  }

  /** Counts a request that begins. Returns whether a fresh instance must answer it. @param leaks whether it must in any case */
  begins(leaks: boolean): boolean {
    const { maxRequests, maxAgeMs, maxIdleMs } = this.#limits;
    const now = this.#isTimed ? this.#clock.monotonic() : this.#bornAt;
    const isOver =
      leaks ||
      (maxRequests !== undefined && this.#requests >= maxRequests) ||
      (maxAgeMs !== undefined && now - this.#bornAt >= maxAgeMs) ||
      (maxIdleMs !== undefined && now - this.#usedAt >= maxIdleMs);
    if (isOver) {
      this.#requests = 0;
      this.#bornAt = now;
    }
    this.#requests += 1;
    this.#usedAt = now;
    return isOver;
  }

  /** Notes the end of a request: an instance is idle from then on. */
  ended(): void {
    if (!this.#isTimed) return;
    this.#usedAt = this.#clock.monotonic();
    const { maxIdleMs } = this.#limits;
    // One timer runs at a time, and looks at its end when the instance was used last: a timer for each request would cost more.
    if (maxIdleMs !== undefined && !this.#isWatched) this.#watchIdle(maxIdleMs, maxIdleMs);
  }

  #watchIdle(maxIdleMs: number, leftMs: number): void {
    this.#isWatched = true;
    this.#clock.after(leftMs, () => {
      this.#isWatched = false;
      const left = maxIdleMs - (this.#clock.monotonic() - this.#usedAt);
      if (left > 0) this.#watchIdle(maxIdleMs, left);
      // The end of the request that keeps it busy starts the next timer.
      else this.#endIdle();
    });
  }
}

import type { ReuseLimits } from '#core/ports/engine';

/** Says when the instance that answers HTTP requests is to be replaced by a fresh one. */
export class Reuse {
  readonly #limits: ReuseLimits;
  readonly #now: () => number;
  #requests = 0;
  #bornAt: number;
  #usedAt: number;

  /** @param now reads a monotonic clock, in milliseconds */
  constructor(limits: ReuseLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#bornAt = now();
    this.#usedAt = this.#bornAt;
  }

  /** Counts a request that begins. Returns whether a fresh instance must answer it. */
  begins(): boolean {
    const { maxRequests, maxAgeMs, maxIdleMs } = this.#limits;
    const now = this.#now();
    const isOver =
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
    this.#usedAt = this.#now();
  }
}

import type { Clock } from '#core/ports/clock';

/** Milliseconds in which the refusals of a component are counted before somebody is told of them. */
const EVERY_MS = 1_000;

/** Requests to one component that were refused because it had all that it may have. */
export interface RefusedRequests {
  readonly component: string;
  readonly requests: number;
}

/** Counts refusals, so that a flood of requests is no flood of lines in a log. */
export class RefusedCounts {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #told: ((refused: RefusedRequests) => void) | undefined;
  readonly #counts = new Map<string, number>();

  constructor(clock: Pick<Clock, 'after'>, told: ((refused: RefusedRequests) => void) | undefined) {
    this.#clock = clock;
    this.#told = told;
  }

  add(component: string): void {
    if (this.#told === undefined) return;
    if (this.#counts.size === 0) this.#clock.after(EVERY_MS, () => this.tell());
    this.#counts.set(component, (this.#counts.get(component) ?? 0) + 1);
  }

  /** Tells what was counted since the last time. */
  tell(): void {
    const counts = [...this.#counts];
    this.#counts.clear();
    for (const [component, requests] of counts) this.#told?.({ component, requests });
  }
}

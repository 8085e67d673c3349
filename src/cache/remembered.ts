import type { Clock } from '#core/ports/clock';

/** The most values that are remembered at a time. The oldest is dropped first. */
const MOST = 1_000;

/** Remembers values for a short time, measured by the monotonic clock. */
export class Remembered<T> {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #values = new Map<string, { readonly value: T; readonly until: number }>();

  constructor(clock: Clock, forMs: number) {
    this.#clock = clock;
    this.#forMs = forMs;
  }

  get(key: string): T | undefined {
    const entry = this.#values.get(key);
    if (entry === undefined) return undefined;
    if (this.#clock.monotonic() < entry.until) return entry.value;
    this.#values.delete(key);
    return undefined;
  }

  set(key: string, value: T): void {
    this.#values.delete(key);
    this.#values.set(key, { value, until: this.#clock.monotonic() + this.#forMs });
    const [oldest] = this.#values.keys();
    if (this.#values.size > MOST && oldest !== undefined) this.#values.delete(oldest);
  }
}

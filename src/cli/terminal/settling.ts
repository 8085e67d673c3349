import type { Clock, StopTimer } from '#core/ports/clock';

/** Milliseconds without a further change before a changed file is used, because editors and builds write a file in several steps. */
const SETTLE_MS = 50;

/** Waits until each of several things, as files, no longer changes, and only then acts on it. */
export class Settling<T> implements Disposable {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #act: (changed: T, name: string) => void;
  readonly #timers = new Map<T, StopTimer>();

  /** @param act is given the thing, and the name of the file that changed last */
  constructor(clock: Pick<Clock, 'after'>, act: (changed: T, name: string) => void) {
    this.#clock = clock;
    this.#act = act;
  }

  changed(thing: T, name: string): void {
    this.#timers.get(thing)?.();
    const settled = (): void => {
      this.#timers.delete(thing);
      this.#act(thing, name);
    };
    this.#timers.set(thing, this.#clock.after(SETTLE_MS, settled));
  }

  /** Forgets changes that have not settled. */
  [Symbol.dispose](): void {
    for (const stop of this.#timers.values()) stop();
    this.#timers.clear();
  }
}

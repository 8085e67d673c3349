/** Milliseconds without a further change before a changed file is used, because editors and builds write a file in several steps. */
const SETTLE_MS = 50;

/** Waits until each of several things, as files, no longer changes, and only then acts on it. */
export class Settling<T> implements Disposable {
  readonly #act: (changed: T, name: string) => void;
  readonly #timers = new Map<T, NodeJS.Timeout>();

  /** @param act is given the thing, and the name of the file that changed last */
  constructor(act: (changed: T, name: string) => void) {
    this.#act = act;
  }

  changed(thing: T, name: string): void {
    clearTimeout(this.#timers.get(thing));
    const settled = (): void => {
      this.#timers.delete(thing);
      this.#act(thing, name);
    };
    this.#timers.set(thing, setTimeout(settled, SETTLE_MS));
  }

  /** Forgets changes that have not settled. */
  [Symbol.dispose](): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

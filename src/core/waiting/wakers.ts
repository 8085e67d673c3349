/** Takes back what was asked for; doing so again does nothing. */
export type Unsubscribe = () => void;

/** Those who want to be told when something changes. Each is told of every change until it takes that back. */
export class Wakers {
  readonly #wakers = new Map<object, () => void>();

  add(wake: () => void): Unsubscribe {
    const key = {};
    this.#wakers.set(key, wake);
    return () => void this.#wakers.delete(key);
  }

  /** Tells all of them. Those who are added meanwhile are not told. */
  wake(): void {
    for (const wake of [...this.#wakers.values()]) wake();
  }

  get size(): number {
    return this.#wakers.size;
  }
}

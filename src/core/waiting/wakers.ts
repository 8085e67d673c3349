/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void;

/** A list of subscribers to a change. Each is called at every change until it unsubscribes. */
export class Wakers {
  /** Made for the first subscriber, because most lists never have one. */
  #wakers: Map<object, () => void> | undefined;

  add(wake: () => void): Unsubscribe {
    const key = {};
    this.#wakers ??= new Map();
    const wakers = this.#wakers;
    wakers.set(key, wake);
    return () => void wakers.delete(key);
  }

  /** Calls all subscribers. Those that are added meanwhile are not called. */
  wake(): void {
    if (this.#wakers === undefined || this.#wakers.size === 0) return;
    for (const wake of [...this.#wakers.values()]) wake();
  }

  /** Resolves at the next change. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const unsubscribe = this.add(() => {
        unsubscribe();
        resolve();
      });
    });
  }

  get size(): number {
    return this.#wakers?.size ?? 0;
  }
}

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** Lets simultaneous callers with equal requests share one answer. Nothing is remembered. */
export class SharedCalls<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /**
   * Joins the work for `key`, or starts it. A caller's `signal` ends only its own wait. The work is aborted when nobody
   * waits for it any more.
   * @throws what `work` throws, and the signal's reason
   */
  async run(key: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiting += 1;
    const givenUp = Promise.withResolvers<never>();
    const giveUp = (): void => {
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        // The next caller starts new work instead of joining work that is being aborted.
        this.#forget(key, flight);
        flight.controller.abort(signal?.reason);
      }
      givenUp.reject(signal?.reason);
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([flight.result, givenUp.promise]);
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const result = work(controller.signal);
    const flight: Flight<T> = { result, controller, waiting: 0 };
    this.#flights.set(key, flight);
    const end = (): void => this.#forget(key, flight);
    result.then(end, end);
    return flight;
  }

  #forget(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}

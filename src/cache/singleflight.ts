import { CacheError } from './errors.ts';

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** Lets simultaneous callers with equal requests share one piece of work and its outcome. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /**
   * Joins the work for `key`, or starts it. All waiting callers get the same value or the same error; nothing is
   * remembered. A caller's `signal` ends only its own wait. The work is aborted when nobody waits for it any more.
   * @throws {CacheError} `CACHE_ABORTED`, and what `work` throws
   */
  run(
    key: string,
    work: (signal: AbortSignal) => Promise<T>,
    options: { readonly signal?: AbortSignal | undefined; readonly onJoin?: () => void } = {},
  ): Promise<T> {
    if (options.signal?.aborted) return Promise.reject(aborted(options.signal));
    let flight = this.#flights.get(key);
    if (flight === undefined) flight = this.#start(key, work);
    else options.onJoin?.();
    return this.#wait(key, flight, options.signal);
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  /** Resolves when all work in progress has ended, successfully or not. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#flights.values()].map(({ result }) => result));
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

  async #wait(key: string, flight: Flight<T>, signal: AbortSignal | undefined): Promise<T> {
    flight.waiting += 1;
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => {
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        // The next caller starts new work instead of joining work that is being aborted.
        this.#forget(key, flight);
        flight.controller.abort(signal?.reason);
      }
      reject(aborted(signal));
    };
    if (signal === undefined) return flight.result;
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([flight.result, givenUp]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  #forget(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}

function aborted(signal: AbortSignal | undefined): CacheError {
  return new CacheError('CACHE_ABORTED', 'the caller stopped waiting for the component to be built', {
    cause: signal?.reason,
  });
}

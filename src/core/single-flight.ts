interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

export interface JoinOptions {
  /** Ends this caller's own wait. */
  readonly signal?: AbortSignal | undefined;
  /** Called if somebody else has begun the work. */
  readonly onJoin?: () => void;
}

/** Lets callers that ask for the same thing at the same time share one piece of work and its outcome. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();
  readonly #aborted: (signal: AbortSignal) => unknown;

  /** @param aborted what a caller is given whose signal ends its wait; the signal's reason by default */
  constructor(aborted: (signal: AbortSignal) => unknown = ({ reason }) => reason) {
    this.#aborted = aborted;
  }

  /**
   * Joins the work for `key`, or starts it. All who wait get the same value or the same error; nothing is remembered.
   * A caller's `signal` ends only its own wait; the work is aborted when nobody waits for it any more.
   * @throws what `work` throws, and what `aborted` answers
   */
  async run(key: string, work: (signal: AbortSignal) => Promise<T>, { signal, onJoin }: JoinOptions = {}): Promise<T> {
    if (signal?.aborted) throw this.#aborted(signal);
    let flight = this.#flights.get(key);
    if (flight === undefined) flight = this.#start(key, work);
    else onJoin?.();
    flight.waiting += 1;
    return signal === undefined ? flight.result : this.#waitUntil(signal, key, flight);
  }

  /** Resolves when everything that is under way has ended, one way or the other. */
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

  async #waitUntil(signal: AbortSignal, key: string, flight: Flight<T>): Promise<T> {
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => {
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        // Whoever asks next starts anew instead of joining work that is being aborted.
        this.#forget(key, flight);
        flight.controller.abort(signal.reason);
      }
      reject(this.#aborted(signal));
    };
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

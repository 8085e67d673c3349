import type { StopTimer } from '#core/ports/clock';

/**
 * Ends one request from this side: by the caller's signal, by its time, or because its answer is not wanted. It has one listener
 * at a time, since a request waits for one thing at a time; an `AbortController` for each request would cost several times as much.
 */
export class Ending {
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = (): void => this.end(this.#caller?.reason);
  #stopTimer: StopTimer = () => {};
  #ended: { readonly reason: unknown } | undefined;
  #listener: ((reason: unknown) => void) | undefined;

  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller;
    if (caller?.aborted) this.#onAbort();
    else caller?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  get reason(): unknown {
    return this.#ended?.reason;
  }

  end(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    this.#stopTimer();
    this.#listener?.(reason);
  }

  /** Replaces the listener. It is called at once if the request has ended already. */
  listen(listener: ((reason: unknown) => void) | undefined): void {
    this.#listener = listener;
    if (this.#ended !== undefined) listener?.(this.#ended.reason);
  }

  /** Sets the timer that `end` and `stopTimer` stop. */
  set timer(stop: StopTimer) {
    this.#stopTimer = stop;
  }

  stopTimer(): void {
    this.#stopTimer();
  }

  /** Follows the caller's signal no longer. */
  unlink(): void {
    this.#caller?.removeEventListener('abort', this.#onAbort);
    this.#listener = undefined;
  }
}

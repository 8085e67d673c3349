import type { HostCaller, TurnCaller } from './host-caller.ts';

/** One call of a host function that its guest can cancel while the turn goes on. */
export class HostCall {
  #caller: LinkedCaller | undefined;
  #reason: Error | undefined;

  /** What an embedder's function is told of the call. @param turn what it is told of the turn */
  callerIn(turn: TurnCaller): HostCaller {
    this.#caller ??= new LinkedCaller(turn, this.#reason);
    return this.#caller;
  }

  cancel(reason: Error): void {
    this.#reason ??= reason;
    this.#caller?.abort(reason);
  }
}

/** The caller of one call. Its signal is aborted with the turn's, or alone. */
class LinkedCaller implements HostCaller {
  readonly #turn: TurnCaller;
  #own: AbortController | undefined;
  #signal: AbortSignal | undefined;
  #reason: Error | undefined;

  constructor(turn: TurnCaller, reason: Error | undefined) {
    this.#turn = turn;
    this.#reason = reason;
  }

  get handle(): HostCaller['handle'] {
    return this.#turn.handle;
  }

  get deadline(): number {
    return this.#turn.deadline;
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      this.#own = new AbortController();
      if (this.#reason !== undefined) this.#own.abort(this.#reason);
      this.#signal = AbortSignal.any([this.#turn.signal, this.#own.signal]);
    }
    return this.#signal;
  }

  abort(reason: Error): void {
    this.#reason = reason;
    this.#own?.abort(reason);
  }
}

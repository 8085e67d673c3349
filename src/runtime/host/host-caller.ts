import type { ComponentHandle } from '#core';

/** Tells an embedder's function about the turn that calls it. */
export interface HostCaller {
  /** The component whose turn it is. */
  readonly handle: ComponentHandle;
  /**
   * Aborted if the turn ends without an answer: by a limit, an unload, a signal or a trap. Its reason is the turn's error. Also aborted, with
   * `RUNTIME_ABORTED`, if the guest cancels its call of the function (`subtask.cancel`). Nobody takes the answer of a function that still
   * waits then.
   */
  readonly signal: AbortSignal;
  /** The latest time at which the turn ends (`maxTurnTimeMs`), in milliseconds like `Date.now`. */
  readonly deadline: number;
}

/** The caller of one turn. It is made when a function asks for it, because most functions never do. */
export class TurnCaller implements HostCaller {
  readonly handle: ComponentHandle;
  readonly deadline: number;
  #ending: AbortController | undefined;
  #ended: unknown;

  constructor(handle: ComponentHandle, deadline: number) {
    this.handle = handle;
    this.deadline = deadline;
  }

  get signal(): AbortSignal {
    this.#ending ??= new AbortController();
    if (this.#ended !== undefined) this.#ending.abort(this.#ended);
    return this.#ending.signal;
  }

  /** Aborts the signal, because the turn has ended without an answer. */
  abort(reason: Error): void {
    this.#ended = reason;
    this.#ending?.abort(reason);
  }
}

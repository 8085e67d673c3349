import type { ComponentHandle } from '#core';

/** The turn that calls a function of the embedder's. */
export interface HostCaller {
  /** The component whose turn it is. */
  readonly handle: ComponentHandle;
  /**
   * Aborted when the turn ends otherwise than by answering: by a limit, an unload, a signal, a trap. Its reason is the error
   * of the turn. A function that still waits then waits for nobody.
   */
  readonly signal: AbortSignal;
  /** When the turn ends at the latest (`maxTurnTimeMs`), in milliseconds as `Date.now` counts them. */
  readonly deadline: number;
}

/** The caller of one turn, made where a function asks for it: most functions never do. */
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

  /** The turn has ended, and not by answering. */
  abort(reason: Error): void {
    this.#ended = reason;
    this.#ending?.abort(reason);
  }
}

import type { VivariumError } from '#core/errors';
import type { Turn } from '#core/ports/engine';
import { RuntimeError } from '#runtime';

/** A call that its caller may give up: one that waits for its turn ends at once, one that runs as its component was loaded. */
export class BoundedCall {
  readonly #call: () => Turn<unknown>;
  readonly #endTurn: (reason: VivariumError) => boolean;
  readonly #ended = Promise.withResolvers<never>();
  #reason: VivariumError | undefined;
  #runs = false;

  /** @param endTurn ends the turn that runs, and answers true; false where it is to go on */
  constructor(call: () => Turn<unknown>, endTurn: (reason: VivariumError) => boolean) {
    this.#call = call;
    this.#endTurn = endTurn;
    // Nobody may wait for it, where the turn has ended by itself before.
    this.#ended.promise.catch(() => {});
  }

  /** Called when its turn begins. @throws why it was given up before */
  readonly begin = (): void => {
    if (this.#reason !== undefined) throw this.#reason;
    this.#runs = true;
  };

  readonly run = (): Turn<unknown> => this.#call();

  giveUp(reason: VivariumError): void {
    this.#reason ??= reason;
    // The end of the turn is the call's own: whoever calls again finds the component as it is then.
    if (this.#runs && this.#endTurn(reason)) return;
    this.#ended.reject(reason);
  }

  /** What the turn comes to, or why it is not waited for. */
  of(turn: Promise<unknown>): Promise<unknown> {
    return Promise.race([turn, this.#ended.promise]);
  }
}

export function timedOut(name: string, timeoutMs: number): RuntimeError {
  const message = `the call of ${name} took longer than its ${timeoutMs} ms`;
  return new RuntimeError('RUNTIME_TURN_TIMEOUT', message, { details: { limitMs: timeoutMs } });
}

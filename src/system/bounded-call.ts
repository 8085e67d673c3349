import type { VivariumError } from '#core/errors';
import type { EndCall, MessageTurn } from '#core/ports/engine';
import { RuntimeError } from '#runtime';

/**
 * A call that its caller may give up. A call that still waits for its turn ends at once. For a call that runs, the component's
 * load option `cancel` decides whether the turn ends or goes on without its caller.
 */
export class BoundedCall {
  readonly #call: (began: (end: EndCall) => void) => MessageTurn<unknown>;
  #endTurn: EndCall = () => false;
  readonly #ended = Promise.withResolvers<never>();
  #reason: VivariumError | undefined;
  #runs = false;

  /** @param call makes the call, and is given what takes the function that ends it */
  constructor(call: (began: (end: EndCall) => void) => MessageTurn<unknown>) {
    this.#call = call;
    // If the turn ended by itself first, nobody handles this promise: its rejection must not become an unhandled one.
    this.#ended.promise.catch(() => {});
  }

  /** Called when the turn begins. @throws the reason, if the call was given up before */
  begin(): void {
    if (this.#reason !== undefined) throw this.#reason;
    this.#runs = true;
  }

  run(): MessageTurn<unknown> {
    return this.#call((end) => {
      this.#endTurn = end;
    });
  }

  giveUp(reason: VivariumError): void {
    this.#reason ??= reason;
    // An ended turn rejects the call itself, so that a caller who calls again finds the component in its new state.
    if (this.#runs && this.#endTurn(reason)) return;
    this.#ended.reject(reason);
  }

  /** Settles as the turn does, or rejects with the reason once the call is given up. */
  of(turn: Promise<unknown>): Promise<unknown> {
    return Promise.race([turn, this.#ended.promise]);
  }
}

export function timedOut(name: string, timeoutMs: number): RuntimeError {
  const message = `the call of ${name} took longer than its ${timeoutMs} ms`;
  return new RuntimeError('RUNTIME_TURN_TIMEOUT', message, { details: { limitMs: timeoutMs } });
}

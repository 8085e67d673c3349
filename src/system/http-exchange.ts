import { messageOf, type VivariumError } from '#core/errors';
import { framingOf, LengthCheck } from '#core/ports/content-length';
import type { FramedAnswer, ServedAnswer, ServedRequest } from '#core/ports/serving';
import type { OpenSpan } from '#core/ports/tracing';
import { type BytePipe, type FieldPairs, PIPE_BYTES } from '#core/waiting';
import { ComponentError, type EndTurn, RuntimeError } from '#runtime';

/**
 * One HTTP request and its answer, from the beginning of its turn until both bodies are finished or abandoned. A subclass carries
 * them: over the objects of the web (`runtime.fetch`), or over a connection of Node.
 */
export abstract class HttpExchange implements ServedRequest {
  abstract readonly method: string;
  abstract readonly scheme: string;
  abstract readonly authority: string;
  abstract readonly path: string;
  abstract readonly headers: FieldPairs;
  readonly hops: number = 0;
  /** Set by a server that traces the request, before it is served. */
  span: OpenSpan | undefined;
  /** Called once if the answer is abandoned while the request waits; set by the gate. */
  onAbandoned: (() => void) | undefined;
  /** Whether the turn ends when nobody wants the answer; set by `Fetching`. */
  endsUnwanted: (() => boolean) | undefined;
  #end: EndTurn | undefined;
  #received: BytePipe | undefined;
  #sent: BytePipe | undefined;
  #length = new LengthCheck(undefined);
  #isAnswered = false;
  #hasEnded = false;
  #reason: VivariumError | undefined;

  /** Why nobody wants the answer any more. */
  get reason(): VivariumError | undefined {
    return this.#reason;
  }

  /** Called before the guest runs, with the function that ends its turn. */
  readonly began = (end: EndTurn): void => {
    if (this.#reason !== undefined) throw this.#reason;
    this.#end = end;
  };

  sendBody(into: BytePipe): void {
    this.#received = into;
    this.receive(into);
  }

  answer(answer: ServedAnswer | { readonly error: unknown }): void {
    this.#isAnswered = true;
    if ('error' in answer) {
      this.failed(told(new ComponentError('the component answered an HTTP request with an error', answer.error)));
      return;
    }
    this.#sent = answer.body;
    try {
      this.respond(this.#framed(answer));
    } catch (cause) {
      answer.body?.cancel();
      const message = `the component answered with a head that no answer may have: ${messageOf(cause)}`;
      this.failed(new RuntimeError('RUNTIME_NO_RESPONSE', message, { cause }));
    }
  }

  /** Called when nobody wants the answer any more, or its time is over. */
  abandon(reason: VivariumError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.onAbandoned?.();
    this.failed(reason);
    this.#sent?.fail(reason);
    this.#received?.cancel();
    if (this.endsUnwanted?.() === true) void this.#end?.(reason);
  }

  /** Called when nobody reads the answer any more. Does nothing after the end. */
  leave(): void {
    if (!this.#hasEnded) this.abandon(new RuntimeError('RUNTIME_ABORTED', 'nobody reads the answer any more'));
  }

  /** Called when the turn has ended. @param thrown the error that ended it, if any */
  ended(thrown?: unknown): void {
    const error = told(thrown);
    this.#hasEnded = true;
    this.#received?.cancel();
    if (error !== undefined || !this.#isAnswered) this.failed(error ?? unfinished(this.#isAnswered));
    if (this.#sent?.isOpen === true) this.#sent.fail(error ?? unfinished(true));
  }

  /**
   * Reads a piece of the answer's body: no bytes if none have arrived yet, undefined at the end.
   * @throws if the body fails, or is longer or shorter than the head says
   */
  protected read(body: BytePipe): Uint8Array | undefined {
    let piece: Uint8Array | undefined;
    try {
      piece = body.read(PIPE_BYTES);
    } catch (thrown) {
      if (thrown instanceof Error) throw thrown;
      // A guest that fails its body gives a case of `error-code`, which is no `Error`.
      throw new ComponentError('the component did not finish the body of its answer', thrown);
    }
    try {
      this.#length.take(piece);
    } catch (cause) {
      body.cancel();
      throw new RuntimeError('RUNTIME_NO_RESPONSE', messageOf(cause), { cause });
    }
    return piece;
  }

  /** @throws for headers that no answer may have, and for an answer without the body whose length it says */
  #framed({ status, headers, body }: ServedAnswer): FramedAnswer {
    const framing = framingOf(this.method, status, headers);
    if (!framing.hasBody) {
      body?.cancel();
      return { status, headers: framing.headers, length: framing.length, body: undefined };
    }
    this.#length = new LengthCheck(framing.length);
    if (body === undefined) this.#length.take(undefined);
    return { status, headers: framing.headers, length: framing.length, body };
  }

  /** Writes the request's body into the pipe as fast as the component reads it. */
  protected abstract receive(into: BytePipe): void;

  /** Gives the answer to the client. @throws for headers that cannot be sent */
  protected abstract respond(answer: FramedAnswer): void;

  /** Tells the client of an error, if the answer has not begun. May be called several times. */
  protected abstract failed(error: unknown): void;
}

/** The error for the client. A loop keeps its code through all middleware that answers so, where another error becomes the component's. */
function told(error: unknown): unknown {
  if (!(error instanceof ComponentError) || !isLoop(error.payload)) return error;
  const message = 'the component answered that its request went in a circle';
  return new RuntimeError('RUNTIME_LOOP_DETECTED', message, { cause: error, details: error.details });
}

/** Whether a case of `wasi:http/types.error-code`, or what else a guest answered, says that a request went in a circle. */
function isLoop(payload: unknown): boolean {
  return typeof payload === 'object' && payload !== null && 'tag' in payload && payload.tag === 'loop-detected';
}

function unfinished(answered: boolean): RuntimeError {
  const what = answered ? 'before it finished the body of its answer' : 'without an answer';
  return new RuntimeError('RUNTIME_NO_RESPONSE', `the component ended its turn for an HTTP request ${what}`);
}

import type { VivariumError } from '#core/errors';
import { CONNECTION_HEADERS } from '#core/ports/network';
import type { ServedAnswer, ServedRequest } from '#core/ports/serving';
import type { BytePipe, FieldPairs } from '#core/waiting';
import { ComponentError, type EndTurn, RuntimeError } from '#runtime';
import { pour, streamOf } from './fetch-bodies.ts';

/** Statuses for which the constructor of `Response` accepts no body. */
const WITHOUT_BODY = new Set([204, 205, 304]);

/** One web `Request` and its answer, from the beginning of its turn until both bodies are finished or abandoned. */
export class Exchange implements ServedRequest {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: FieldPairs;
  readonly #request: Request;
  readonly #answered = Promise.withResolvers<Response>();
  #end: EndTurn | undefined;
  #received: BytePipe | undefined;
  #sent: BytePipe | undefined;
  #isAnswered = false;
  #reason: VivariumError | undefined;

  constructor(request: Request, clientAddress: string | undefined) {
    const { protocol, host, pathname, search } = new URL(request.url);
    this.#request = request;
    this.method = request.method;
    this.scheme = protocol.slice(0, -1);
    this.authority = host;
    this.path = pathname + search;
    const headers = [...request.headers].filter(([name]) => !CONNECTION_HEADERS.has(name));
    // The address that the server knows replaces the header, because a client can write any address there.
    this.headers =
      clientAddress === undefined
        ? headers
        : [...headers.filter(([name]) => name !== 'x-forwarded-for'), ['x-forwarded-for', clientAddress]];
    this.#answered.promise.catch(() => {});
  }

  /** Resolves when the component has given the status and the headers of its answer. */
  get response(): Promise<Response> {
    return this.#answered.promise;
  }

  readonly began = (end: EndTurn): void => {
    if (this.#reason !== undefined) throw this.#reason;
    this.#end = end;
  };

  sendBody(into: BytePipe): void {
    this.#received = into;
    const { body } = this.#request;
    if (body === null) into.end();
    else void pour(body, into);
  }

  answer(answer: ServedAnswer | { readonly error: unknown }): void {
    this.#isAnswered = true;
    if ('error' in answer) {
      const message = 'the component answered an HTTP request with an error';
      this.#answered.reject(new ComponentError(message, answer.error));
      return;
    }
    this.#sent = answer.body;
    try {
      this.#answered.resolve(this.#responseOf(answer));
    } catch (cause) {
      answer.body?.cancel();
      const message = 'the component answered with headers that no response may have';
      this.#answered.reject(new RuntimeError('RUNTIME_NO_RESPONSE', message, { cause }));
    }
  }

  /** Called when the client no longer wants the answer. @param endsTurn whether the turn ends too */
  abandon(reason: VivariumError, endsTurn: boolean): void {
    this.#reason ??= reason;
    this.#answered.reject(reason);
    this.#sent?.fail(reason);
    this.#received?.cancel();
    if (endsTurn) void this.#end?.(reason);
  }

  /** Called when the turn has ended. @param error the error that ended it, if any */
  ended(error?: unknown): void {
    this.#received?.cancel();
    const reason = error ?? unfinished(this.#isAnswered);
    this.#answered.reject(reason);
    this.#sent?.fail(reason);
  }

  #responseOf({ status, headers, body }: ServedAnswer): Response {
    const own = new Headers();
    for (const [name, value] of headers) own.append(name, value);
    const { method } = this.#request;
    if (body === undefined || method === 'HEAD' || WITHOUT_BODY.has(status)) {
      body?.cancel();
      // The client would wait for a body of the length that this header names.
      if (method !== 'HEAD' && status !== 304) own.delete('content-length');
      return new Response(null, { status, headers: own });
    }
    const left = new RuntimeError('RUNTIME_ABORTED', 'nobody reads the answer any more');
    return new Response(
      streamOf(body, () => this.#left(left)),
      { status, headers: own },
    );
  }

  /** Returns whether the turn ends when the reader of the answer leaves; set by `Fetching`. */
  onLeft: (() => boolean) | undefined;

  #left(reason: VivariumError): void {
    this.#received?.cancel();
    if (this.onLeft?.() === true) void this.#end?.(reason);
  }
}

function unfinished(answered: boolean): RuntimeError {
  const what = answered ? 'before it finished the body of its answer' : 'without an answer';
  return new RuntimeError('RUNTIME_NO_RESPONSE', `the component ended its turn for an HTTP request ${what}`);
}

import type { VivariumError } from '#core/errors';
import type { ServedAnswer, ServedRequest } from '#core/ports/serving';
import type { BytePipe, FieldPairs } from '#core/waiting';
import { ComponentError, type EndTurn, RuntimeError } from '#runtime';
import { pour, streamOf } from './fetch-bodies.ts';

/** They belong to the connection on which a request came. */
const OF_THE_CONNECTION = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** The constructor of `Response` takes no body with these. */
const WITHOUT_BODY = new Set([204, 205, 304]);

/** One request of the web's, from its turn's beginning until nobody writes or reads of it any more. */
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
    const headers = [...request.headers].filter(([name]) => !OF_THE_CONNECTION.has(name));
    // What a client says of its own address cannot be believed, where who serves it knows better.
    this.headers =
      clientAddress === undefined
        ? headers
        : [...headers.filter(([name]) => name !== 'x-forwarded-for'), ['x-forwarded-for', clientAddress]];
    this.#answered.promise.catch(() => {});
  }

  /** The answer, as soon as the component has given its head. */
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

  /** Nobody wants the answer any more. Its turn ends where `endsTurn` says so. */
  abandon(reason: VivariumError, endsTurn: boolean): void {
    this.#reason ??= reason;
    this.#answered.reject(reason);
    this.#sent?.fail(reason);
    this.#received?.cancel();
    if (endsTurn) void this.#end?.(reason);
  }

  /** Its turn has ended. @param error what the turn ended with */
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
      // A length without a body would let the client wait for it.
      if (method !== 'HEAD' && status !== 304) own.delete('content-length');
      return new Response(null, { status, headers: own });
    }
    const left = new RuntimeError('RUNTIME_ABORTED', 'nobody reads the answer any more');
    return new Response(
      streamOf(body, () => this.#left(left)),
      { status, headers: own },
    );
  }

  /** Set by who knows whether the turn may end with its reader. */
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

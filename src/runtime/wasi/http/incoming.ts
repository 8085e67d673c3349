import { promisedLength } from '#core/ports/content-length';
import { headersFor, type ServedAnswer, type ServedRequest } from '#core/ports/serving';
import { BytePipe } from '#core/waiting';
import type { HostState } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';
import { IncomingBody, OutgoingBody, pipeOf } from './body.ts';
import { costOf, disposeFields, frozenFields, pairsOf, receivedFields } from './fields.ts';
import type { Method } from './request.ts';

type Answer = { readonly tag: 'ok'; readonly val: object } | { readonly tag: 'err'; readonly val: unknown };

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/** The error case of a `result` that has no payload. */
const REFUSED = undefined;

let answerOf: (response: OutgoingResponse) => ServedAnswer;

/** A request that a guest answers. The engine makes it. */
export class IncomingRequest {
  readonly #charge: HostCharge;
  readonly #request: ServedRequest;
  #consumed = false;

  constructor(caller: HostState, request: ServedRequest) {
    this.#charge = new HostCharge(caller, request.path.length + costOf(request.headers));
    this.#request = request;
  }

  method(): object {
    return methodOf(this.#request.method);
  }

  pathWithQuery(): string {
    return this.#request.path;
  }

  scheme(): object {
    return { tag: this.#request.scheme === 'https' ? 'HTTPS' : 'HTTP' };
  }

  authority(): string {
    return this.#request.authority;
  }

  headers(caller: HostState): object {
    return receivedFields(caller, headersFor(this.#request));
  }

  consume(caller: HostState): object {
    if (this.#consumed) throw REFUSED;
    this.#consumed = true;
    const pipe = new BytePipe(new HostCharge(caller));
    const body = new IncomingBody(caller, { pipe, release: () => pipe.cancel() });
    this.#request.sendBody(pipe);
    return body;
  }

  [Symbol.dispose](): void {
    this.#charge.end();
  }
}

/** The case of `method` for a method's name. */
export function methodOf(name: string): Method {
  return METHODS.has(name) ? { tag: name.toLowerCase() } : { tag: 'other', val: name };
}

export class OutgoingResponse {
  readonly #charge: HostCharge;
  readonly #headers: object;
  #status = 200;
  #body: object | undefined;

  static {
    answerOf = (response) => {
      const headers = [...pairsOf(response.#headers)];
      const body = response.#body === undefined ? undefined : pipeOf(response.#body);
      response.#end();
      return { status: response.#status, headers, body };
    };
  }

  constructor(caller: HostState, headers: object) {
    this.#charge = new HostCharge(caller);
    this.#headers = headers;
  }

  statusCode(): number {
    return this.#status;
  }

  /** Refuses 1xx, which is not a final answer, and anything above 599, which no client knows. */
  setStatusCode(_: HostState, status: number): void {
    if (status < 200 || status > 599) throw REFUSED;
    this.#status = status;
  }

  headers(caller: HostState): object {
    return frozenFields(caller, this.#headers);
  }

  body(caller: HostState): object {
    if (this.#body !== undefined) throw REFUSED;
    const promised = promisedLength(pairsOf(this.#headers));
    this.#body = new OutgoingBody(caller, promised, (bytes) => ({
      tag: 'HTTP-response-body-size',
      val: BigInt(bytes),
    }));
    return this.#body;
  }

  [Symbol.dispose](): void {
    if (this.#body !== undefined) pipeOf(this.#body).cancel();
    this.#end();
  }

  #end(): void {
    disposeFields(this.#headers);
    this.#charge.end();
  }
}

/** The place where a guest puts its answer. The engine makes it. */
export class ResponseOutparam {
  readonly #charge: HostCharge;
  readonly #request: ServedRequest;

  constructor(caller: HostState, request: ServedRequest) {
    this.#charge = new HostCharge(caller);
    this.#request = request;
  }

  static set(_: HostState, param: ResponseOutparam, answer: Answer): void {
    param.#charge.end();
    param.#request.answer(answer.tag === 'ok' ? answerOf(answer.val as OutgoingResponse) : { error: answer.val });
  }

  [Symbol.dispose](): void {
    this.#charge.end();
  }
}

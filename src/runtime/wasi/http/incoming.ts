import type { ServedAnswer, ServedRequest } from '#core/ports/serving';
import { BytePipe } from '#core/waiting';
import type { CurrentStore } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';
import type { BodyKit } from './body.ts';
import { costOf, type FieldsKit } from './fields.ts';
import { promisedLength } from './promised-length.ts';

type Answer = { readonly tag: 'ok'; readonly val: object } | { readonly tag: 'err'; readonly val: unknown };

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/** The error case of a `result` that has no payload. */
const REFUSED = undefined;

/** Makes the classes of incoming requests and of their answers. The engine constructs `IncomingRequest` and `ResponseOutparam`. */
export function incomingKit(
  current: CurrentStore,
  fields: FieldsKit,
  bodies: BodyKit,
): Readonly<Record<string, unknown>> {
  let answerOf: (response: OutgoingResponse) => ServedAnswer;

  class IncomingRequest {
    readonly #charge: HostCharge;
    readonly #request: ServedRequest;
    readonly #headers: Disposable;
    #consumed = false;

    constructor(request: ServedRequest) {
      this.#charge = new HostCharge(current.state, request.path.length + costOf(request.headers));
      this.#request = request;
      this.#headers = fields.received(request.headers);
    }

    method(): object {
      const { method } = this.#request;
      return METHODS.has(method) ? { tag: method.toLowerCase() } : { tag: 'other', val: method };
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

    headers(): object {
      return fields.frozen(this.#headers);
    }

    consume(): object {
      if (this.#consumed) throw REFUSED;
      this.#consumed = true;
      const pipe = new BytePipe(new HostCharge(current.state));
      const body = new bodies.IncomingBody({ pipe, release: () => pipe.cancel() });
      this.#request.sendBody(pipe);
      return body;
    }

    [Symbol.dispose](): void {
      this.#headers[Symbol.dispose]();
      this.#charge.end();
    }
  }

  class OutgoingResponse {
    readonly #charge = new HostCharge(current.state);
    readonly #headers: object;
    #status = 200;
    #body: object | undefined;

    static {
      answerOf = (response) => {
        const headers = [...fields.pairsOf(response.#headers)];
        const body = response.#body === undefined ? undefined : bodies.pipeOf(response.#body);
        response.#end();
        return { status: response.#status, headers, body };
      };
    }

    constructor(headers: object) {
      this.#headers = headers;
    }

    statusCode(): number {
      return this.#status;
    }

    /** Refuses 1xx, which is not a final answer, and anything above 599, which no client knows. */
    setStatusCode(status: number): void {
      if (status < 200 || status > 599) throw REFUSED;
      this.#status = status;
    }

    headers(): object {
      return fields.frozen(this.#headers);
    }

    body(): object {
      if (this.#body !== undefined) throw REFUSED;
      const promised = promisedLength(fields.pairsOf(this.#headers));
      this.#body = new bodies.OutgoingBody(promised, (bytes) => ({
        tag: 'HTTP-response-body-size',
        val: BigInt(bytes),
      }));
      return this.#body;
    }

    [Symbol.dispose](): void {
      if (this.#body !== undefined) bodies.pipeOf(this.#body).cancel();
      this.#end();
    }

    #end(): void {
      fields.dispose(this.#headers);
      this.#charge.end();
    }
  }

  class ResponseOutparam {
    readonly #charge = new HostCharge(current.state);
    readonly #request: ServedRequest;

    constructor(request: ServedRequest) {
      this.#request = request;
    }

    static set(param: ResponseOutparam, answer: Answer): void {
      param.#charge.end();
      param.#request.answer(answer.tag === 'ok' ? answerOf(answer.val as OutgoingResponse) : { error: answer.val });
    }

    [Symbol.dispose](): void {
      this.#charge.end();
    }
  }

  return { IncomingRequest, OutgoingResponse, ResponseOutparam };
}

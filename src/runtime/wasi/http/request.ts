import type { HttpLimits, HttpRequest } from '#core';
import type { Io } from '../io.ts';
import { CollectedBody } from './body.ts';
import type { HttpErrorCode } from './error-code.ts';
import type { FieldsKit } from './fields.ts';

type Method = { readonly tag: string; readonly val?: string };
type Scheme = { readonly tag: 'HTTP' | 'HTTPS' | 'other'; readonly val?: string };

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
/** Host and port alone: what the URL standard reads as something else is refused. */
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s/\\?#@[\]:%]{1,253})(?::\d{1,5})?$/;
const PATH = /^\/[^\s#\\]*$|^\?[^\s#\\]*$|^$/;
const MAX_PATH = 8 * 1024;
const NS_PER_MS = 1_000_000n;
const MAX_CONNECT_MS = 10_000;
const MAX_IDLE_MS = 30_000;

/** The error case of `result` without a payload. */
const REFUSED = undefined;

/** A request that a guest handed over, and what its body comes to; it rejects with an error code. */
export interface Outgoing {
  readonly request: HttpRequest;
  readonly body: Promise<Uint8Array> | undefined;
}

/** The classes of a request, and what the host does with their instances and a guest cannot. */
export interface RequestKit {
  readonly OutgoingRequest: new (headers: object) => object;
  readonly OutgoingBody: new () => object;
  readonly RequestOptions: new () => object;
  /** @throws an error code for what cannot be sent */
  toSend(request: object): Outgoing;
  limitsOf(options: object | undefined): HttpLimits;
}

export function requestKit(io: Io, fields: FieldsKit): RequestKit {
  let bytesOf: (body: OutgoingBody) => Promise<Uint8Array>;
  let toSend: (request: OutgoingRequest) => Outgoing;
  let limitsOf: (options: RequestOptions) => HttpLimits;

  class OutgoingBody {
    readonly #body = new CollectedBody(io);
    readonly #ended = Promise.withResolvers<Uint8Array>();
    #written = false;
    #finished = false;

    static {
      bytesOf = (body) => body.#ended.promise;
    }

    constructor() {
      // Nobody may be waiting for it.
      this.#ended.promise.catch(() => {});
    }

    write(): object {
      if (this.#written) throw REFUSED;
      this.#written = true;
      return new io.OutputStream(this.#body);
    }

    static finish(body: OutgoingBody, trailers: object | undefined): void {
      body.#finished = true;
      const bytes = body.#body.end();
      if (trailers !== undefined && fields.pairsOf(trailers).length > 0) {
        const code: HttpErrorCode = { tag: 'HTTP-request-trailer-section-size', val: 0 };
        body.#ended.reject(code);
        throw code;
      }
      body.#ended.resolve(bytes);
    }

    [Symbol.dispose](): void {
      const code: HttpErrorCode = { tag: 'internal-error', val: 'the body was not finished' };
      if (!this.#finished) this.#ended.reject(code);
    }
  }

  class OutgoingRequest {
    readonly #headers: object;
    #method: Method = { tag: 'get' };
    #scheme: Scheme | undefined;
    #authority: string | undefined;
    #path: string | undefined;
    #body: OutgoingBody | undefined;

    static {
      toSend = (request) => {
        const { tag } = request.#scheme ?? { tag: 'HTTPS' };
        if (tag === 'other') throw { tag: 'HTTP-protocol-error' } satisfies HttpErrorCode;
        if (request.#authority === undefined) throw { tag: 'HTTP-request-URI-invalid' } satisfies HttpErrorCode;
        const path = request.#path ?? '/';
        const url = `${tag.toLowerCase()}://${request.#authority}${path.startsWith('/') ? path : `/${path}`}`;
        const method = request.#method.val ?? request.#method.tag.toUpperCase();
        const body = request.#body;
        return {
          request: { method, url, headers: fields.pairsOf(request.#headers) },
          body: body === undefined ? undefined : bytesOf(body),
        };
      };
    }

    constructor(headers: object) {
      this.#headers = headers;
    }

    body(): OutgoingBody {
      if (this.#body !== undefined) throw REFUSED;
      this.#body = new OutgoingBody();
      return this.#body;
    }

    method(): Method {
      return this.#method;
    }

    setMethod(method: Method): void {
      if (method.tag === 'other' && !TOKEN.test(method.val ?? '')) throw REFUSED;
      this.#method = method;
    }

    pathWithQuery(): string | undefined {
      return this.#path;
    }

    setPathWithQuery(path: string | undefined): void {
      if (path !== undefined && (path.length > MAX_PATH || !PATH.test(path))) throw REFUSED;
      this.#path = path;
    }

    scheme(): Scheme | undefined {
      return this.#scheme;
    }

    setScheme(scheme: Scheme | undefined): void {
      this.#scheme = scheme;
    }

    authority(): string | undefined {
      return this.#authority;
    }

    setAuthority(authority: string | undefined): void {
      if (authority !== undefined && !AUTHORITY.test(authority)) throw REFUSED;
      this.#authority = authority;
    }

    headers(): object {
      return fields.frozen(this.#headers);
    }
  }

  /** Durations are nanoseconds. */
  class RequestOptions {
    #connect: bigint | undefined;
    #firstByte: bigint | undefined;
    #betweenBytes: bigint | undefined;

    static {
      // Both waits for a byte are one here, the longer of the two.
      limitsOf = (options) => {
        const idle = [options.#firstByte, options.#betweenBytes].filter((each) => each !== undefined);
        return {
          connectMs: atMost(options.#connect, MAX_CONNECT_MS),
          idleMs: idle.length === 0 ? MAX_IDLE_MS : Math.max(...idle.map((each) => atMost(each, MAX_IDLE_MS))),
        };
      };
    }

    connectTimeout(): bigint | undefined {
      return this.#connect;
    }

    setConnectTimeout(duration: bigint | undefined): void {
      this.#connect = duration;
    }

    firstByteTimeout(): bigint | undefined {
      return this.#firstByte;
    }

    setFirstByteTimeout(duration: bigint | undefined): void {
      this.#firstByte = duration;
    }

    betweenBytesTimeout(): bigint | undefined {
      return this.#betweenBytes;
    }

    setBetweenBytesTimeout(duration: bigint | undefined): void {
      this.#betweenBytes = duration;
    }
  }

  return {
    OutgoingRequest,
    OutgoingBody,
    RequestOptions,
    toSend: (request) => toSend(request as OutgoingRequest),
    limitsOf: (options) =>
      options === undefined ? { connectMs: MAX_CONNECT_MS, idleMs: MAX_IDLE_MS } : limitsOf(options as RequestOptions),
  };
}

/** A wait that the guest chose, or less. */
function atMost(duration: bigint | undefined, ms: number): number {
  return duration === undefined ? ms : Math.max(1, Math.min(ms, Number(duration / NS_PER_MS)));
}

import { promisedLength } from '#core/ports/content-length';
import type { HttpLimits, HttpRequest } from '#core/ports/network';
import type { BytePipe } from '#core/waiting';
import type { HostState } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';
import { OutgoingBody, pipeOf } from './body.ts';
import type { HttpErrorCode } from './error-code.ts';
import { disposeFields, frozenFields, pairsOf } from './fields.ts';

export type Method = { readonly tag: string; readonly val?: string };
export type Scheme = { readonly tag: 'HTTP' | 'HTTPS' | 'other'; readonly val?: string };

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
/** A host and a port only. It refuses any text in which the URL standard would read something else. */
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s/\\?#@[\]:%]{1,253})(?::\d{1,5})?$/;
const PATH = /^\/[^\s#\\]*$|^\?[^\s#\\]*$|^$/;
const MAX_PATH = 8 * 1024;
const NS_PER_MS = 1_000_000n;
const MAX_CONNECT_MS = 10_000;
const MAX_IDLE_MS = 30_000;

/** The error case of a `result` that has no payload. */
const REFUSED = undefined;

/** A request that a guest handed over. Whoever holds it must cancel its body if it does not send it. */
export interface Outgoing {
  readonly request: HttpRequest & Required<Pick<HttpRequest, 'headers'>>;
  readonly body: BytePipe | undefined;
}

/** Takes the request out of the guest's resource and ends the resource. @throws an error code if the request cannot be sent */
let toSend: (request: object) => Outgoing;
let limitsIn: (options: RequestOptions) => HttpLimits;

export class OutgoingRequest {
  readonly #charge: HostCharge;
  readonly #headers: object;
  #method: Method = { tag: 'get' };
  #scheme: Scheme | undefined;
  #authority: string | undefined;
  #path: string | undefined;
  #body: object | undefined;

  static {
    toSend = (given) => {
      const request = given as OutgoingRequest;
      try {
        return request.#toSend();
      } finally {
        request.#end();
      }
    };
  }

  constructor(caller: HostState, headers: object) {
    this.#charge = new HostCharge(caller);
    this.#headers = headers;
  }

  body(caller: HostState): object {
    if (this.#body !== undefined) throw REFUSED;
    this.#body = new OutgoingBody(caller, promisedLength(pairsOf(this.#headers)), wrongSize);
    return this.#body;
  }

  method(): Method {
    return this.#method;
  }

  setMethod(_: HostState, method: Method): void {
    this.#method = checkMethod(method);
  }

  pathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(_: HostState, path: string | undefined): void {
    this.#path = checkPath(path);
  }

  scheme(): Scheme | undefined {
    return this.#scheme;
  }

  setScheme(_: HostState, scheme: Scheme | undefined): void {
    this.#scheme = checkScheme(scheme);
  }

  authority(): string | undefined {
    return this.#authority;
  }

  setAuthority(_: HostState, authority: string | undefined): void {
    this.#authority = checkAuthority(authority);
  }

  headers(caller: HostState): object {
    return frozenFields(caller, this.#headers);
  }

  [Symbol.dispose](): void {
    const body = this.#body;
    this.#end();
    // The guest may still write to the body, but nothing sends it any more.
    if (body !== undefined) pipeOf(body).cancel();
  }

  #toSend(): Outgoing {
    const headers = pairsOf(this.#headers);
    const promised = promisedLength(headers);
    let url: string;
    try {
      url = urlOf(this.#scheme, this.#authority, this.#path);
      checkLength(promised, this.#body !== undefined);
    } catch (code) {
      throw this.#unfit(code as HttpErrorCode);
    }
    const method = methodName(this.#method);
    const body = this.#body === undefined ? undefined : pipeOf(this.#body);
    return { request: { method, url, headers, body, length: promised }, body };
  }

  #unfit(code: HttpErrorCode): HttpErrorCode {
    this[Symbol.dispose]();
    return code;
  }

  #end(): void {
    disposeFields(this.#headers);
    this.#charge.end();
  }
}

/** All durations are in nanoseconds. */
export class RequestOptions {
  readonly #charge: HostCharge;
  #connect: bigint | undefined;
  #firstByte: bigint | undefined;
  #betweenBytes: bigint | undefined;

  constructor(caller: HostState) {
    this.#charge = new HostCharge(caller);
  }

  static {
    limitsIn = (options) => {
      options.#charge.end();
      return limitsFor(options.#connect, [options.#firstByte, options.#betweenBytes]);
    };
  }

  connectTimeout(): bigint | undefined {
    return this.#connect;
  }

  setConnectTimeout(_: HostState, duration: bigint | undefined): void {
    this.#connect = duration;
  }

  firstByteTimeout(): bigint | undefined {
    return this.#firstByte;
  }

  setFirstByteTimeout(_: HostState, duration: bigint | undefined): void {
    this.#firstByte = duration;
  }

  betweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytes;
  }

  setBetweenBytesTimeout(_: HostState, duration: bigint | undefined): void {
    this.#betweenBytes = duration;
  }

  [Symbol.dispose](): void {
    this.#charge.end();
  }
}

export { toSend };

/** Takes the limits out of the guest's resource and ends the resource. */
export function limitsOf(options: object | undefined): HttpLimits {
  return options === undefined
    ? { connectMs: MAX_CONNECT_MS, idleMs: MAX_IDLE_MS }
    : limitsIn(options as RequestOptions);
}

/** @param idle the limits for waits for a byte. The host has one limit for both, so the longer of the two counts. */
export function limitsFor(connect: bigint | undefined, idle: readonly (bigint | undefined)[]): HttpLimits {
  const given = idle.filter((each) => each !== undefined);
  return {
    connectMs: atMost(connect, MAX_CONNECT_MS),
    idleMs: given.length === 0 ? MAX_IDLE_MS : Math.max(...given.map((each) => atMost(each, MAX_IDLE_MS))),
  };
}

/** @throws the error case of a `result` without a payload */
export function checkMethod(method: Method): Method {
  if (method.tag === 'other' && !TOKEN.test(method.val ?? '')) throw REFUSED;
  return method;
}

/** @throws as `checkMethod` */
export function checkPath(path: string | undefined): string | undefined {
  if (path !== undefined && (path.length > MAX_PATH || !PATH.test(path))) throw REFUSED;
  return path;
}

/** A scheme, after RFC 3986. */
const SCHEME = /^[a-z][a-z0-9+.-]{0,255}$/i;

/** @throws as `checkMethod` */
export function checkScheme(scheme: Scheme | undefined): Scheme | undefined {
  if (scheme?.tag === 'other' && !SCHEME.test(scheme.val ?? '')) throw REFUSED;
  return scheme;
}

const MAX_PORT = 65_535;

/** @throws as `checkMethod` */
export function checkAuthority(authority: string | undefined): string | undefined {
  if (authority === undefined) return undefined;
  // What follows the last colon of an address in brackets is no number.
  const port = Number(authority.slice(authority.lastIndexOf(':') + 1));
  if (!AUTHORITY.test(authority) || (authority.includes(':') && port > MAX_PORT)) throw REFUSED;
  return authority;
}

export function methodName({ tag, val }: Method): string {
  return val ?? tag.toUpperCase();
}

/** @throws an error code if the request cannot be sent anywhere */
export function urlOf(scheme: Scheme | undefined, authority: string | undefined, path = '/'): string {
  const { tag } = scheme ?? { tag: 'HTTPS' };
  if (tag === 'other') throw { tag: 'HTTP-protocol-error' };
  if (authority === undefined) throw { tag: 'HTTP-request-URI-invalid' };
  return `${tag.toLowerCase()}://${authority}${path.startsWith('/') ? path : `/${path}`}`;
}

/**
 * Refuses a length that no body can have before the request's head is sent with it.
 * @throws an error code if the headers promise another length than 0 for no body, or no number at all
 */
export function checkLength(promised: number | undefined, hasBody: boolean): void {
  if (Number.isNaN(promised) || (!hasBody && (promised ?? 0) !== 0)) throw wrongSize(0);
}

export function wrongSize(written: number): HttpErrorCode {
  return { tag: 'HTTP-request-body-size', val: BigInt(written) };
}

/** The duration that the guest chose, in milliseconds: at least 1 and at most `ms`. Returns `ms` if the guest chose none. */
function atMost(duration: bigint | undefined, ms: number): number {
  return duration === undefined ? ms : Math.max(1, Math.min(ms, Number(duration / NS_PER_MS)));
}

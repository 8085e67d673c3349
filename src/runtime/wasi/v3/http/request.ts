import { promisedLength } from '#core/ports/content-length';
import type { HttpLimits } from '#core/ports/network';
import { headersFor, type ServedRequest } from '#core/ports/serving';
import { BytePipe } from '#core/waiting';
import type { GuestStream, HostState, HostStream } from '#runtime/host';
import { HostCharge } from '../../host-charge.ts';
import type { HttpErrorCode } from '../../http/error-code.ts';
import { pairsOf, receivedFields } from '../../http/fields.ts';
import { methodOf } from '../../http/incoming.ts';
import {
  checkAuthority,
  checkLength,
  checkMethod,
  checkPath,
  checkScheme,
  type Method,
  methodName,
  type Outgoing,
  type Scheme,
  urlOf,
  wrongSize,
} from '../../http/request.ts';
import type { StreamResult } from '../streams.ts';
import { HostContents, type TrailersResult } from './contents.ts';
import { Fields3 } from './fields.ts';
import { Message } from './message.ts';
import { frozenOptions, limitsOf3, type RequestOptions3 } from './request-options.ts';

/** A request that is ready to be sent. */
export interface ToSend extends Outgoing {
  readonly limits: HttpLimits;
}

/** Makes the request that a component is asked to answer. Only the host can call it, because it is no method. */
let served: (caller: HostState, request: ServedRequest) => Request3;
/** Takes a request from a guest. @throws an error code if it cannot be sent */
let toSend: (caller: HostState, request: Request3) => ToSend;

/** `wasi:http/types#request` of 0.3: one that a guest composes, or one that a component answers. */
export class Request3 {
  readonly #message: Message;
  readonly #options: RequestOptions3 | undefined;
  /** Whether the client has promised the body's length, which nobody on this side has checked. */
  readonly #isReceived: boolean;
  #method: Method = { tag: 'get' };
  #scheme: Scheme | undefined;
  #authority: string | undefined;
  #path: string | undefined;

  static {
    served = (caller, request) => {
      const headers = receivedFields(caller, headersFor(request), Fields3);
      const receive = (taker: HostState): BytePipe => {
        const pipe = new BytePipe(new HostCharge(taker));
        request.sendBody(pipe);
        return pipe;
      };
      const made = new Request3(new Message(caller, headers, new HostContents(receive, () => {})), undefined, true);
      made.#method = methodOf(request.method);
      made.#scheme = { tag: request.scheme === 'https' ? 'HTTPS' : 'HTTP' };
      made.#authority = request.authority;
      made.#path = request.path;
      return made;
    };
    toSend = (caller, request) => request.#toSend(caller);
  }

  constructor(message: Message, options: RequestOptions3 | undefined, isReceived: boolean) {
    this.#message = message;
    this.#options = options;
    this.#isReceived = isReceived;
  }

  static new(
    caller: HostState,
    headers: object,
    contents: GuestStream | undefined,
    trailers: PromiseLike<TrailersResult>,
    options: RequestOptions3 | undefined,
  ): [Request3, Promise<StreamResult>] {
    const [message, sent] = Message.composed(caller, headers, contents, trailers, wrongSize);
    return [new Request3(message, options, false), sent];
  }

  static consumeBody(
    caller: HostState,
    request: Request3,
    handled: PromiseLike<StreamResult>,
  ): [HostStream | readonly [], Promise<TrailersResult>] {
    request.#options?.[Symbol.dispose]();
    return request.#message.consume(caller, handled);
  }

  getMethod(): Method {
    return this.#method;
  }

  setMethod(_: HostState, method: Method): void {
    this.#method = checkMethod(method);
  }

  getPathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(_: HostState, path: string | undefined): void {
    this.#path = checkPath(path);
  }

  getScheme(): Scheme | undefined {
    return this.#scheme;
  }

  setScheme(_: HostState, scheme: Scheme | undefined): void {
    this.#scheme = checkScheme(scheme);
  }

  getAuthority(): string | undefined {
    return this.#authority;
  }

  setAuthority(_: HostState, authority: string | undefined): void {
    this.#authority = checkAuthority(authority);
  }

  getOptions(caller: HostState): RequestOptions3 | undefined {
    return this.#options === undefined ? undefined : frozenOptions(caller, this.#options);
  }

  getHeaders(caller: HostState): object {
    return this.#message.getHeaders(caller);
  }

  [Symbol.dispose](): void {
    this.#options?.[Symbol.dispose]();
    this.#message.drop();
  }

  #toSend(caller: HostState): ToSend {
    const limits = limitsOf3(this.#options);
    this.#options?.[Symbol.dispose]();
    const method = methodName(this.#method);
    const promised = promisedLength(pairsOf(this.#message.headers));
    let url: string;
    try {
      url = urlOf(this.#scheme, this.#authority, this.#path);
      checkLength(promised, this.#message.hasContents);
    } catch (code) {
      this.#message.refuse(code as HttpErrorCode);
      throw code;
    }
    const { headers, body } = this.#message.take(caller);
    if (!this.#isReceived) return { request: { method, url, headers, body, length: promised }, body, limits };
    // A body that is passed on is sent in chunks: its length was promised by somebody else.
    const others = headers.filter(([name]) => name.toLowerCase() !== 'content-length');
    if (promised !== 0 && !(promised === undefined && WITHOUT_BODY.has(method))) {
      return { request: { method, url, headers: others, body }, body, limits };
    }
    body?.cancel();
    return { request: { method, url, headers: others }, body: undefined, limits };
  }
}

/** Methods whose requests have no body unless their headers say so. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

export { served as servedRequest, toSend as requestToSend };

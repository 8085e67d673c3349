import './url.ts';
import { encodeUtf8 } from '../utf8.ts';
import type { AbortSignal } from './events.ts';
import { Headers, type HeadersInit } from './headers.ts';
import { missing } from './missing.ts';
import { decodeLossy } from './utf8-decoder.ts';

export type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams;

/** The bytes of a body, or a function that reads them when they are needed; undefined without a body. */
type Source = Uint8Array | (() => Promise<Uint8Array>) | undefined;

const WHOLE = 'take text(), json(), bytes() or arrayBuffer(), which answer the whole body';

class Body {
  readonly headers: Headers;
  #source: Source;
  bodyUsed = false;

  constructor(source: Source, headers: Headers) {
    this.#source = source;
    this.headers = headers;
  }

  async bytes(): Promise<Uint8Array> {
    if (this.bodyUsed) throw new TypeError('the body was read already');
    const source = this.#source;
    if (source === undefined) return new Uint8Array();
    this.bodyUsed = true;
    return typeof source === 'function' ? await source() : source;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.bytes();
    return bytes.slice().buffer as ArrayBuffer;
  }

  async text(): Promise<string> {
    return decodeLossy(await this.bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** Returns the source for a copy of this body. The bytes are read once for both. */
  shared(): Source {
    if (this.bodyUsed) throw new TypeError('the body was read already');
    const source = this.#source;
    if (typeof source !== 'function') return source;
    let reading: Promise<Uint8Array> | undefined;
    this.#source = () => {
      reading ??= source();
      return reading;
    };
    return this.#source;
  }
}

for (const name of ['body', 'blob', 'formData'])
  missing(Body.prototype, name, `${name} of a request or response`, WHOLE);

interface RequestInit {
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: BodyInit | null;
  readonly signal?: AbortSignal | null;
  readonly redirect?: 'follow' | 'error' | 'manual';
  /** Reads the body of a request that a component answers, when it is needed. */
  readonly reads?: () => Promise<Uint8Array>;
}

export class Request extends Body {
  readonly url: string;
  readonly method: string;
  readonly signal: AbortSignal | undefined;
  readonly redirect: 'follow' | 'error' | 'manual';

  constructor(input: Request | URL | string, init: RequestInit = {}) {
    const from = input instanceof Request ? input : undefined;
    const headers = new Headers(init.headers ?? from?.headers);
    const method = (init.method ?? from?.method ?? 'GET').toUpperCase();
    const body =
      init.body === undefined || init.body === null ? (init.reads ?? from?.shared()) : bytesOf(init.body, headers);
    if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
      throw new TypeError(`a ${method} request has no body`);
    }
    super(body, headers);
    this.url = from?.url ?? new URL(String(input)).href;
    this.method = method;
    this.signal = init.signal ?? from?.signal;
    this.redirect = init.redirect ?? from?.redirect ?? 'follow';
  }

  clone(): Request {
    return new Request(this);
  }
}

interface ResponseInit {
  readonly status?: number;
  readonly statusText?: string;
  readonly headers?: HeadersInit;
}

export class Response extends Body {
  readonly status: number;
  readonly statusText: string;
  readonly url: string = '';
  readonly redirected: boolean = false;
  readonly type: string = 'default';

  constructor(body: BodyInit | (() => Promise<Uint8Array>) | null = null, init: ResponseInit = {}) {
    const { status = 200, statusText = '' } = init;
    if (!Number.isInteger(status) || status < 100 || status > 599) throw new RangeError(`${status} is not a status`);
    const headers = new Headers(init.headers);
    super(body === null ? undefined : typeof body === 'function' ? body : bytesOf(body, headers), headers);
    this.status = status;
    this.statusText = String(statusText);
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  clone(): Response {
    return new Response((this.shared() as BodyInit | undefined) ?? null, this);
  }

  static json(value: unknown, init: ResponseInit = {}): Response {
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(JSON.stringify(value), { ...init, headers });
  }

  static redirect(url: URL | string, status = 302): Response {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`${status} is no status of a redirect`);
    return new Response(null, { status, headers: { location: String(new URL(String(url))) } });
  }

  static error(): Response {
    return new Response(null, { status: 599, statusText: 'error' });
  }
}

function bytesOf(body: BodyInit, headers: Headers): Uint8Array {
  const typed = (type: string): void => {
    if (!headers.has('content-type')) headers.set('content-type', type);
  };
  if (typeof body === 'string') {
    typed('text/plain;charset=UTF-8');
    return encodeUtf8(body);
  }
  if (body instanceof URLSearchParams) {
    typed('application/x-www-form-urlencoded;charset=UTF-8');
    return encodeUtf8(String(body));
  }
  if (body instanceof ArrayBuffer) return new Uint8Array(body.slice(0));
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
  throw new TypeError('a body of a guest is text, bytes or URLSearchParams');
}

Object.assign(globalThis, { Request, Response });

import './url.ts';
import { encodeUtf8 } from '../utf8.ts';
import { ByteSource, collect, split } from './byte-source.ts';
import type { AbortSignal } from './events.ts';
import { Headers, type HeadersInit, TOKEN } from './headers.ts';
import { install } from './install.ts';
import { missing } from './missing.ts';
import type { ReadableStream } from './readable-stream.ts';
import { decodeLossy } from './utf8-decoder.ts';

export type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams | ReadableStream;

/** What a body is read from. A stream is the guest's own, or was made when the guest asked for one. */
type Source = Uint8Array | ByteSource | ReadableStream | undefined;

/** What bodies need of streams. A bundle has it only if its source mentions streams or `body`. */
export interface Streams {
  isStream(value: unknown): boolean;
  /** Whether something of a stream was read or cancelled. */
  isUsed(stream: unknown): boolean;
  /** @throws {TypeError} if the stream has a reader */
  bytesOf(stream: unknown): ByteSource;
  streamOf(source: Uint8Array | ByteSource): ReadableStream;
}

let streams: Streams | undefined;

export function useStreams(given: Streams): void {
  streams = given;
}

function isStream(value: unknown): value is ReadableStream {
  return streams?.isStream(value) === true;
}

/** Takes the bytes of a body, which cannot be read afterwards; undefined without a body. */
export let takeBody: (message: Body) => Uint8Array | ByteSource | undefined;

class Body {
  readonly headers: Headers;
  #source: Source;
  #isUsed = false;

  static {
    takeBody = (message) => message.#take();
  }

  constructor(source: Source, headers: Headers) {
    if (isStream(source) && streams?.isUsed(source)) throw alreadyRead();
    this.#source = source;
    this.headers = headers;
  }

  get bodyUsed(): boolean {
    return this.#isUsed || (isStream(this.#source) && streams?.isUsed(this.#source) === true);
  }

  get body(): ReadableStream | null {
    const source = this.#source;
    if (source === undefined || isStream(source)) return source ?? null;
    if (streams === undefined)
      throw new ReferenceError('body is not there in this guest: its source does not mention it');
    const stream = streams.streamOf(this.#isUsed ? new Uint8Array() : source);
    this.#source = stream;
    return stream;
  }

  async bytes(): Promise<Uint8Array> {
    const source = this.#take();
    if (source === undefined) return new Uint8Array();
    return source instanceof ByteSource ? await collect(source) : source;
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

  /** Returns the source for a copy of this body. */
  shared(): Source {
    const source = this.#take();
    if (source instanceof ByteSource) {
      const [kept, copy] = split(source);
      this.#source = kept;
      this.#isUsed = false;
      return copy;
    }
    this.#isUsed = false;
    return source;
  }

  #take(): Uint8Array | ByteSource | undefined {
    if (this.bodyUsed) throw alreadyRead();
    const source = this.#source;
    if (source === undefined) return undefined;
    const bytes = isStream(source) ? streams?.bytesOf(source) : source;
    this.#isUsed = true;
    return bytes as Uint8Array | ByteSource;
  }
}

function alreadyRead(): TypeError {
  return new TypeError('the body was read already');
}

for (const name of ['blob', 'formData'])
  missing(
    Body.prototype,
    name,
    `${name} of a request or response`,
    'take text(), json(), bytes(), arrayBuffer() or body',
  );

interface RequestInit {
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: BodyInit | ByteSource | null;
  readonly signal?: AbortSignal | null;
  readonly redirect?: 'follow' | 'error' | 'manual';
}

export class Request extends Body {
  readonly url: string;
  readonly method: string;
  #signal: AbortSignal | undefined;
  readonly redirect: 'follow' | 'error' | 'manual';

  constructor(input: Request | URL | string, init: RequestInit = {}) {
    const from = input instanceof Request ? input : undefined;
    const headers = new Headers(init.headers ?? from?.headers);
    const method = methodOf(init.method ?? from?.method ?? 'GET');
    const given = init.body ?? undefined;
    const body = given === undefined ? from && takeBody(from) : sourceOf(given, headers);
    if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
      throw new TypeError(`a ${method} request has no body`);
    }
    super(body, headers);
    this.url = from?.url ?? new URL(String(input)).href;
    this.method = method;
    this.#signal = init.signal === null ? undefined : init.signal;
    if (init.signal === undefined && from !== undefined) this.#signal = from.#signal;
    this.redirect = init.redirect ?? from?.redirect ?? 'follow';
  }

  /** The signal that was given, or one that never aborts. A bundle has signals if its source mentions them, fetches or answers requests. */
  get signal(): AbortSignal {
    this.#signal ??= new globalThis.AbortController().signal as unknown as AbortSignal;
    return this.#signal;
  }

  clone(): Request {
    const body = this.shared();
    return new Request(this.url, { ...this, body, signal: this.#signal });
  }
}

/** The methods whose names do not depend on how they are written. */
const METHODS = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);

function methodOf(given: string): string {
  const text = String(given);
  if (!TOKEN.test(text)) throw new TypeError(`${JSON.stringify(text.slice(0, 100))} is not a method`);
  const upper = text.toUpperCase();
  return METHODS.has(upper) ? upper : text;
}

/** Statuses whose responses have no body. */
const WITHOUT_BODY = new Set([101, 103, 204, 205, 304]);

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

  constructor(body: BodyInit | ByteSource | null = null, init: ResponseInit = {}) {
    const { status = 200, statusText = '' } = init;
    // What the host has received is taken as it is.
    const least = body instanceof ByteSource ? 100 : 200;
    if (!Number.isInteger(status) || status < least || status > 599) throw new RangeError(`${status} is not a status`);
    if (body !== null && WITHOUT_BODY.has(status) && !(body instanceof ByteSource))
      throw new TypeError(`a response with status ${status} has no body`);
    if (/[^\t\x20-\x7e\x80-\xff]/.test(String(statusText))) throw new TypeError('a status text is one line of text');
    const headers = new Headers(init.headers);
    super(body === null ? undefined : sourceOf(body, headers), headers);
    this.status = status;
    this.statusText = String(statusText);
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  clone(): Response {
    return new Response(this.shared() ?? null, this);
  }

  static json(value: unknown, init: ResponseInit = {}): Response {
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    const text = JSON.stringify(value);
    if (text === undefined) throw new TypeError('a value that JSON does not have cannot be a body');
    return new Response(text, { ...init, headers });
  }

  static redirect(url: URL | string, status = 302): Response {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`${status} is no status of a redirect`);
    return new Response(null, { status, headers: { location: String(new URL(String(url))) } });
  }

  static error(): Response {
    return Object.defineProperties(new Response(), { status: { value: 0 }, type: { value: 'error' } });
  }
}

function sourceOf(body: BodyInit | ByteSource, headers: Headers): Source {
  const typed = (type: string): void => {
    if (!headers.has('content-type')) headers.set('content-type', type);
  };
  if (body instanceof ByteSource || isStream(body)) return body;
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
  if (typeof body !== 'object') return sourceOf(String(body), headers);
  throw new TypeError('a body of a guest is text, bytes, URLSearchParams or a ReadableStream');
}

install({ Request, Response });

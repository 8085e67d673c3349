// What a guest has beside the language itself. Each is put into the component where the source uses it.

declare global {
  interface Console {
    log(...values: unknown[]): void;
    info(...values: unknown[]): void;
    debug(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
    trace(...values: unknown[]): void;
    dir(value: unknown): void;
    table(value: unknown): void;
    assert(holds?: unknown, ...values: unknown[]): void;
    count(label?: string): void;
    countReset(label?: string): void;
    time(label?: string): void;
    timeLog(label?: string, ...values: unknown[]): void;
    timeEnd(label?: string): void;
    group(...label: unknown[]): void;
    groupCollapsed(...label: unknown[]): void;
    groupEnd(): void;
  }
  /** Writes to the log of the host, each method at its level. */
  var console: Console;

  /** Runs within the turn that sets it; what is left when the turn ends is dropped. */
  function setTimeout<A extends unknown[]>(run: (...args: A) => void, ms?: number, ...args: Partial<A>): number;
  function setInterval<A extends unknown[]>(run: (...args: A) => void, ms?: number, ...args: Partial<A>): number;
  function clearTimeout(id: number | undefined): void;
  function clearInterval(id: number | undefined): void;
  function queueMicrotask(run: () => void): void;
  function structuredClone<T>(value: T, options?: { transfer?: ArrayBuffer[] }): T;
  function atob(base64: string): string;
  function btoa(text: string): string;

  var performance: { now(): number; readonly timeOrigin: number };

  interface Crypto {
    getRandomValues<T extends ArrayBufferView>(into: T): T;
    randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
  }
  var crypto: Crypto;

  class TextEncoder {
    readonly encoding: string;
    encode(text?: string): Uint8Array<ArrayBuffer>;
    encodeInto(text: string, into: Uint8Array): { read: number; written: number };
  }
  /** Knows UTF-8 alone. */
  class TextDecoder {
    constructor(label?: 'utf-8' | 'utf8' | (string & {}), options?: { fatal?: boolean; ignoreBOM?: boolean });
    readonly encoding: string;
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    decode(bytes?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
  }

  class URLSearchParams {
    constructor(init?: string | Iterable<[string, string]> | Record<string, string> | URLSearchParams);
    readonly size: number;
    append(name: string, value: string): void;
    delete(name: string, value?: string): void;
    get(name: string): string | null;
    getAll(name: string): string[];
    has(name: string, value?: string): boolean;
    set(name: string, value: string): void;
    sort(): void;
    toString(): string;
    forEach(use: (value: string, name: string, params: URLSearchParams) => void): void;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    entries(): IterableIterator<[string, string]>;
    [Symbol.iterator](): IterableIterator<[string, string]>;
  }
  class URL {
    constructor(url: string | URL, base?: string | URL);
    static canParse(url: string | URL, base?: string | URL): boolean;
    href: string;
    readonly origin: string;
    protocol: string;
    username: string;
    password: string;
    host: string;
    hostname: string;
    port: string;
    pathname: string;
    search: string;
    readonly searchParams: URLSearchParams;
    hash: string;
    toString(): string;
    toJSON(): string;
  }

  class DOMException extends Error {
    constructor(message?: string, name?: string);
    readonly code: number;
  }

  class Event {
    constructor(type: string, init?: { cancelable?: boolean });
    readonly type: string;
    readonly target: EventTarget | null;
    readonly defaultPrevented: boolean;
    preventDefault(): void;
    stopImmediatePropagation(): void;
  }
  type EventListener = ((event: Event) => void) | { handleEvent(event: Event): void };
  class EventTarget {
    addEventListener(
      type: string,
      listener: EventListener | null,
      options?: boolean | { once?: boolean; signal?: AbortSignal },
    ): void;
    removeEventListener(type: string, listener: EventListener | null): void;
    dispatchEvent(event: Event): boolean;
  }
  class AbortSignal extends EventTarget {
    private constructor();
    readonly aborted: boolean;
    // biome-ignore lint/suspicious/noExplicitAny: as the standard has it
    readonly reason: any;
    onabort: ((event: Event) => void) | null;
    throwIfAborted(): void;
    static abort(reason?: unknown): AbortSignal;
    static timeout(ms: number): AbortSignal;
    static any(signals: Iterable<AbortSignal>): AbortSignal;
  }
  class AbortController {
    readonly signal: AbortSignal;
    abort(reason?: unknown): void;
  }

  type HeadersInit = Headers | Iterable<readonly [string, string]> | Record<string, string>;
  class Headers {
    constructor(init?: HeadersInit);
    append(name: string, value: string): void;
    delete(name: string): void;
    get(name: string): string | null;
    getSetCookie(): string[];
    has(name: string): boolean;
    set(name: string, value: string): void;
    forEach(use: (value: string, name: string, headers: Headers) => void): void;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    entries(): IterableIterator<[string, string]>;
    [Symbol.iterator](): IterableIterator<[string, string]>;
  }

  interface ReadableStreamDefaultController<T = Uint8Array> {
    readonly desiredSize: number | null;
    enqueue(chunk: T): void;
    close(): void;
    error(reason?: unknown): void;
  }
  type ReadableStreamReadResult<T> = { done: false; value: T } | { done: true; value: undefined };
  interface ReadableStreamDefaultReader<T = Uint8Array> {
    readonly closed: Promise<void>;
    read(): Promise<ReadableStreamReadResult<T>>;
    cancel(reason?: unknown): Promise<void>;
    releaseLock(): void;
  }
  /** Read with `for await (const chunk of stream)`, or by its reader. */
  class ReadableStream<T = Uint8Array> {
    constructor(
      source?: {
        start?(controller: ReadableStreamDefaultController<T>): unknown;
        pull?(controller: ReadableStreamDefaultController<T>): unknown;
        cancel?(reason: unknown): unknown;
      },
      strategy?: { highWaterMark?: number; size?(chunk: T): number },
    );
    static from<T>(values: AsyncIterable<T> | Iterable<T>): ReadableStream<T>;
    readonly locked: boolean;
    getReader(): ReadableStreamDefaultReader<T>;
    cancel(reason?: unknown): Promise<void>;
    tee(): [ReadableStream<T>, ReadableStream<T>];
    values(options?: { preventCancel?: boolean }): AsyncGenerator<T, void, void>;
    [Symbol.asyncIterator](): AsyncGenerator<T, void, void>;
  }

  type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams | ReadableStream;
  interface Body {
    /** The body as it arrives. The sender waits for whoever reads. */
    readonly body: ReadableStream | null;
    readonly bodyUsed: boolean;
    text(): Promise<string>;
    // biome-ignore lint/suspicious/noExplicitAny: as the standard has it
    json(): Promise<any>;
    bytes(): Promise<Uint8Array>;
    arrayBuffer(): Promise<ArrayBuffer>;
  }
  interface RequestInit {
    method?: string;
    headers?: HeadersInit;
    body?: BodyInit | null;
    signal?: AbortSignal | null;
    redirect?: 'follow' | 'error' | 'manual';
  }
  interface Request extends Body {}
  class Request {
    constructor(input: Request | URL | string, init?: RequestInit);
    readonly url: string;
    readonly method: string;
    readonly headers: Headers;
    readonly signal: AbortSignal | undefined;
    clone(): Request;
  }
  interface ResponseInit {
    status?: number;
    statusText?: string;
    headers?: HeadersInit;
  }
  interface Response extends Body {}
  class Response {
    constructor(body?: BodyInit | null, init?: ResponseInit);
    readonly status: number;
    readonly statusText: string;
    readonly ok: boolean;
    readonly url: string;
    readonly redirected: boolean;
    readonly headers: Headers;
    clone(): Response;
    static json(value: unknown, init?: ResponseInit): Response;
    static redirect(url: URL | string, status?: number): Response;
    static error(): Response;
  }

  /** Goes through `wasi:http`, within the grants of the component: `network:connect:https://example.org`. */
  function fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
}

export {};

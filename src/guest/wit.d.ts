// The imports of a guest, with the values as componentize-qjs and StarlingMonkey map them.
declare module 'vivarium:actor/host-messaging@0.1.0' {
  import type { ComponentId } from './types.ts';

  export function send(target: ComponentId, payload: Uint8Array): void;
  export function request(target: ComponentId, payload: Uint8Array, timeoutMs: number): string;
  export function ask(target: ComponentId, payload: Uint8Array, timeoutMs: number): Uint8Array;
  export function cancelRequest(correlationId: string): void;
  export function broadcast(targets: readonly ComponentId[], payload: Uint8Array): number;
  export function publish(topic: string, payload: Uint8Array): number;
  export function subscribe(topic: string): void;
  export function unsubscribe(topic: string): void;
  export function selfId(): ComponentId;
}

declare module 'vivarium:actor/host-services@0.1.0' {
  import type { ComponentId, LogLevel } from './types.ts';

  export function log(level: LogLevel, message: string, context: readonly (readonly [string, string])[]): void;
  export function sleepMillis(ms: number): void;
  export function currentTimeMillis(): number | bigint;
  export function listComponents(): ComponentId[];
}

declare module 'vivarium:actor/storage@0.1.0' {
  export function get(key: string): Uint8Array | undefined | null;
  export function set(key: string, value: Uint8Array): void;
  // `delete` is a reserved word of JavaScript, so callers must use the module's namespace.
  function remove(key: string): boolean;

  export { remove as delete };
  export function exists(key: string): boolean;
  export function listKeys(prefix: string): string[];
}

declare module 'wasi:random/random@0.2.0' {
  export function getRandomBytes(length: number | bigint): Uint8Array;
}

declare module 'wasi:random/random@0.2.2' {
  export function getRandomBytes(length: number): Uint8Array;
}

declare module 'wasi:cli/stderr@0.2.2' {
  import type { OutputStream } from 'wasi:io/streams@0.2.1';

  export function getStderr(): OutputStream;
}

declare module 'wasi:clocks/monotonic-clock@0.2.1' {
  import type { Pollable } from 'wasi:io/poll@0.2.1';

  /** Nanoseconds. */
  export function subscribeDuration(duration: number): Pollable;
}

declare module 'wasi:clocks/monotonic-clock@0.2.2' {
  export { subscribeDuration } from 'wasi:clocks/monotonic-clock@0.2.1';
}

declare module 'wasi:io/poll@0.2.1' {
  export interface Pollable {
    ready(): boolean;
    block(): void;
    [Symbol.dispose](): void;
  }

  export function poll(pollables: readonly Pollable[]): number[];
}

declare module 'wasi:io/streams@0.2.1' {
  import type { Pollable } from 'wasi:io/poll@0.2.1';

  export interface InputStream {
    read(length: number): Uint8Array;
    subscribe(): Pollable;
    [Symbol.dispose](): void;
  }

  export interface OutputStream {
    checkWrite(): number | bigint;
    subscribe(): Pollable;
    write(bytes: Uint8Array): void;
    flush(): void;
    blockingFlush(): void;
    blockingWriteAndFlush(bytes: Uint8Array): void;
    [Symbol.dispose](): void;
  }
}

declare module 'wasi:http/types@0.2.1' {
  import type { Pollable } from 'wasi:io/poll@0.2.1';
  import type { InputStream, OutputStream } from 'wasi:io/streams@0.2.1';

  export type Case = { readonly tag: string; readonly val?: unknown };

  export class Fields {
    static fromList(entries: readonly (readonly [string, Uint8Array])[]): Fields;
    entries(): [string, Uint8Array][];
    [Symbol.dispose](): void;
  }

  export class OutgoingBody {
    write(): OutputStream;
    static finish(body: OutgoingBody, trailers: Fields | null): void;
    [Symbol.dispose](): void;
  }

  export class OutgoingRequest {
    constructor(headers: Fields);
    setMethod(method: Case): void;
    setScheme(scheme: Case): void;
    setAuthority(authority: string): void;
    setPathWithQuery(path: string): void;
    body(): OutgoingBody;
  }

  export interface IncomingBody {
    stream(): InputStream;
    [Symbol.dispose](): void;
  }

  export class IncomingRequest {
    private constructor();
    method(): Case;
    pathWithQuery(): string | null | undefined;
    scheme(): Case | null | undefined;
    authority(): string | null | undefined;
    headers(): Fields;
    consume(): IncomingBody;
    [Symbol.dispose](): void;
  }

  export class OutgoingResponse {
    constructor(headers: Fields);
    setStatusCode(status: number): void;
    body(): OutgoingBody;
  }

  export class ResponseOutparam {
    private constructor();
    static set(
      param: ResponseOutparam,
      response: { readonly tag: 'ok'; readonly val: OutgoingResponse } | { readonly tag: 'err'; readonly val: Case },
    ): void;
  }

  export interface IncomingResponse {
    status(): number;
    headers(): Fields;
    consume(): IncomingBody;
    [Symbol.dispose](): void;
  }

  export interface FutureIncomingResponse {
    subscribe(): Pollable;
    get():
      | {
          readonly tag: 'ok';
          readonly val:
            | { readonly tag: 'ok'; readonly val: IncomingResponse }
            | { readonly tag: 'err'; readonly val: Case };
        }
      | { readonly tag: 'err' }
      | null
      | undefined;
    [Symbol.dispose](): void;
  }
}

declare module 'wasi:http/outgoing-handler@0.2.1' {
  import type { FutureIncomingResponse, OutgoingRequest } from 'wasi:http/types@0.2.1';

  export function handle(request: OutgoingRequest, options: null): FutureIncomingResponse;
}

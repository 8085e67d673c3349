// Makes resources and calls host functions as a guest does, and lets go of all that it got.
import { execution } from '../../../src/runtime/execution/index.ts';
import { type GuestStream, HostStream } from '../../../src/runtime/host/host-streams.ts';
import type { Callable, Members } from './host-table.ts';

export const FOLLOW = { symlinkFollow: true };
export const WRITE = { read: true, write: true };
export const BYTES: Buffer = Buffer.from('value');

/** Makes resources and calls functions, in a turn of the store that the loop runs in. */
export class HostCalls {
  readonly #interfaces: ReadonlyMap<string, Members>;
  readonly ports: Readonly<Record<'tcp' | 'http', number>>;
  #used: unknown[] = [];

  constructor(interfaces: ReadonlyMap<string, Members>, ports: Readonly<Record<'tcp' | 'http', number>>) {
    this.#interfaces = interfaces;
    this.ports = ports;
  }

  /** A function or class of an interface. */
  of(name: string): Callable {
    const [from = '', member = ''] = name.split('#');
    return this.#interfaces.get(from)?.[member] as Callable;
  }

  call<T = object>(name: string, ...args: readonly unknown[]): T {
    return this.keep(Reflect.apply(this.of(name), undefined, given(args))) as T;
  }

  on<T = object>(resource: object, method: string, ...args: readonly unknown[]): T {
    return this.keep(Reflect.apply(Reflect.get(resource, method) as Callable, resource, given(args))) as T;
  }

  make(name: string, ...args: unknown[]): object {
    const made: unknown = Reflect.construct(this.of(name), given(args));
    return this.keep(made as object);
  }

  keep<T>(value: T): T {
    // A turn that cannot wait ignores what becomes of a promise, as this loop does.
    if (value instanceof Promise) value.catch(() => {});
    this.#used.push(value);
    return value;
  }

  /** Drops every resource that was made, as a guest does that lets go of its handles. */
  drop(): void {
    const used = this.#used;
    this.#used = [];
    for (const value of used.toReversed()) dispose(value);
  }

  /** @param version of WASI, the number behind the zero */
  root(version: 2 | 3 = 2): object {
    const from = `wasi:filesystem/preopens${version === 2 ? '' : '@0.3'}#getDirectories`;
    return (this.call<[object, string][]>(from)[0] as [object, string])[0];
  }

  file(version: 2 | 3 = 2): object {
    return this.on(this.root(version), 'openAt', FOLLOW, 'file', {}, WRITE);
  }

  fields(): object {
    return this.on(this.of('wasi:http/types#Fields'), 'fromList', [['x-own', BYTES]]);
  }

  request(port = this.ports.http): object {
    const request = this.make('wasi:http/types#OutgoingRequest', this.fields());
    this.on(request, 'setScheme', { tag: 'HTTP' });
    this.on(request, 'setAuthority', `127.0.0.1:${port}`);
    return request;
  }

  body(): object {
    return this.on(this.request(), 'body');
  }

  /** A request as the engine gives it to a handler. */
  incoming(type: 'IncomingRequest' | 'ResponseOutparam' = 'IncomingRequest'): object {
    return this.make(`wasi:http/types#${type}`, {
      method: 'GET',
      scheme: 'http',
      authority: 'a.example',
      path: '/x',
      headers: [['x-own', 'value']],
      sendBody: (into: { end(): void }) => into.end(),
      answer: () => {},
    });
  }

  answer(): object {
    return this.make('wasi:http/types#OutgoingResponse', this.fields());
  }

  output(): object {
    return this.on(this.body(), 'write');
  }

  /** An exchange that outlives the turn: whoever asks for it drops it. */
  begin(request: object): object {
    return Reflect.apply(
      this.of('wasi:http/outgoing-handler#handle'),
      undefined,
      given([request, undefined]),
    ) as object;
  }

  /** A stream that a guest writes some bytes into and ends. */
  stream(): GuestStream {
    return {
      pump: async (sink) => {
        try {
          if (sink.ready() && sink.room() >= BYTES.length) sink.write(BYTES);
          sink.flush?.();
          return undefined;
        } catch (thrown) {
          return thrown;
        } finally {
          sink.close?.();
        }
      },
      drop: () => {},
    };
  }

  socket(): object {
    return this.call('wasi:sockets/tcp-create-socket#createTcpSocket', 'ipv4');
  }

  ready(): object {
    return this.call('wasi:clocks/monotonic-clock#subscribeDuration', 0n);
  }

  later(): object {
    return this.call('wasi:clocks/monotonic-clock#subscribeDuration', 10n ** 15n);
  }

  /** An error of a stream: of a body that is longer than its header says. */
  error(): object {
    try {
      const fields = this.on(this.of('wasi:http/types#Fields'), 'fromList', [['content-length', Buffer.from('1')]]);
      const body = this.on(this.make('wasi:http/types#OutgoingRequest', fields), 'body');
      this.on(this.on(body, 'write'), 'write', BYTES);
    } catch (thrown) {
      if (thrown instanceof Error) throw thrown;
      return this.keep((thrown as { val: object }).val);
    }
    throw new Error('a body was longer than it promised');
  }
}

/** What a host function is given: its caller, and the guest's arguments. */
function given(args: readonly unknown[]): unknown[] {
  return [execution.running.state, ...args];
}

/** Resources lie in lists and results too. */
function dispose(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > 3 || ArrayBuffer.isView(value)) return;
  if (value instanceof HostStream) {
    value.source.close?.();
    value.ended(undefined);
    return;
  }
  const end: unknown = Reflect.get(value, Symbol.dispose);
  if (typeof end === 'function') Reflect.apply(end, value, []);
  else for (const part of Object.values(value)) dispose(part, depth + 1);
}

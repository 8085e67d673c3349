import { Quota } from '#core/limits';
import type { NetworkConnection } from '#core/ports/network';
import { Wakers } from '#core/waiting';
import type { CurrentStore, HostLinker, HostState } from '#runtime/host';
import { sinkOf, sourceOf } from '../byte-streams.ts';
import { HostCharge } from '../host-charge.ts';
import type { Io } from '../io.ts';
import { type IpSocketAddress, ipSocketAddressOf, socketAddressOf } from './addresses.ts';
import { socketErrorOf } from './error-code.ts';

/** Sockets of one store at a time. */
const MAX_SOCKETS = 16;

/** Sockets of all stores of a runtime: a process may often have no more than 1,024 descriptors. */
const MAX_SOCKETS_OF_RUNTIME = 256;

/** What a socket's buffers may come to, 64 KiB each way, in pieces. */
const SOCKET_BYTES = 256 * 1024;

/** What concerns listening, or the host's own stack. */
const NOT_SUPPORTED = [
  'startBind',
  'finishBind',
  'startListen',
  'finishListen',
  'accept',
  'setListenBacklogSize',
  'keepAliveEnabled',
  'setKeepAliveEnabled',
  'keepAliveIdleTime',
  'setKeepAliveIdleTime',
  'keepAliveInterval',
  'setKeepAliveInterval',
  'keepAliveCount',
  'setKeepAliveCount',
  'hopLimit',
  'setHopLimit',
  'receiveBufferSize',
  'setReceiveBufferSize',
  'sendBufferSize',
  'setSendBufferSize',
];

type Family = 'ipv4' | 'ipv6';

/** `wasi:sockets/tcp` and `tcp-create-socket`: connections that go out, made in one turn and used in later ones. */
export function defineTcp(linker: HostLinker, current: CurrentStore, io: Io): void {
  const sockets = new WeakMap<HostState, Quota>();
  const all = new Quota(MAX_SOCKETS_OF_RUNTIME);

  class TcpSocket {
    readonly #family: Family;
    readonly #state: HostState;
    readonly #charge: HostCharge;
    readonly #places: Quota;
    readonly #stop = new AbortController();
    readonly #changed = new Wakers();
    #started = false;
    #finished = false;
    #closed = false;
    #connection: NetworkConnection | undefined;
    #failure: string | undefined;

    readonly #end = (): void => this[Symbol.dispose]();

    constructor(family: Family, places: Quota) {
      this.#charge = new HostCharge(current.state, SOCKET_BYTES);
      this.#places = places;
      this.#family = family;
      this.#state = current.state;
      if (!places.take(1)) throw this.#refused();
      if (!all.take(1)) {
        places.giveBack(1);
        throw this.#refused();
      }
      this.#state.ending.addEventListener('abort', this.#end, { once: true });
    }

    startConnect(_network: object, remote: IpSocketAddress): void {
      if (this.#started) throw 'invalid-state';
      if (remote.tag !== this.#family || remote.val.port === 0) throw 'invalid-argument';
      this.#started = true;
      const signal = AbortSignal.any([this.#stop.signal, this.#state.ending]);
      this.#state.network.connect(socketAddressOf(remote), signal).then(
        (connection) => {
          this.#connection = connection;
          this.#changed.wake();
          if (this.#closed) this.#leave();
        },
        (error) => {
          this.#failure = socketErrorOf(error);
          this.#changed.wake();
          if (this.#closed) this.#leave();
        },
      );
    }

    finishConnect(): [object, object] {
      if (!this.#started || this.#finished) throw 'not-in-progress';
      if (this.#failure === undefined && this.#connection === undefined) throw 'would-block';
      this.#finished = true;
      if (this.#connection === undefined) throw this.#failure;
      return streamsOf(this.#connection, io);
    }

    localAddress(): IpSocketAddress {
      return ipSocketAddressOf(this.#connected().local);
    }

    remoteAddress(): IpSocketAddress {
      return ipSocketAddressOf(this.#connected().remote);
    }

    isListening(): boolean {
      return false;
    }

    addressFamily(): Family {
      return this.#family;
    }

    subscribe(): object {
      return new io.Pollable({
        ready: () => !this.#started || this.#failure !== undefined || this.#connection !== undefined,
        whenReady: (wake) => this.#changed.add(wake),
      });
    }

    /** What is received after a `receive` is read as before: the other side is not told of it. */
    shutdown(what: 'receive' | 'send' | 'both'): void {
      const connection = this.#connected();
      if (what !== 'receive') connection.end();
    }

    [Symbol.dispose](): void {
      if (this.#closed) return;
      this.#closed = true;
      this.#state.ending.removeEventListener('abort', this.#end);
      this.#stop.abort();
      // Else it is on its way, and counts until that has ended.
      if (!this.#started || this.#failure !== undefined || this.#connection !== undefined) this.#leave();
    }

    #refused(): string {
      this.#charge.end();
      return 'new-socket-limit';
    }

    /** Its place is free when its descriptor is. */
    #leave(): void {
      const connection = this.#connection;
      if (connection === undefined) this.#giveBack();
      else {
        connection.close();
        void connection.closed.then(() => this.#giveBack());
      }
    }

    #giveBack(): void {
      this.#charge.end();
      this.#places.giveBack(1);
      all.giveBack(1);
    }

    #connected(): NetworkConnection {
      if (this.#connection === undefined || !this.#finished) throw 'invalid-state';
      return this.#connection;
    }
  }

  for (const name of NOT_SUPPORTED) {
    Object.defineProperty(TcpSocket.prototype, name, {
      configurable: true,
      value: () => {
        throw 'not-supported';
      },
    });
  }

  linker.define('wasi:sockets/tcp@0.2.0', { TcpSocket });
  linker.define('wasi:sockets/tcp-create-socket@0.2.0', {
    createTcpSocket(family: Family): object {
      const places = sockets.get(current.state) ?? new Quota(MAX_SOCKETS);
      sockets.set(current.state, places);
      return new TcpSocket(family, places);
    },
  });
}

/** Both ends of a connection as streams. */
function streamsOf({ input, output }: NetworkConnection, io: Io): [object, object] {
  const failed = (error: unknown): unknown => {
    const code = socketErrorOf(error);
    return io.failed(code, code);
  };
  return [new io.InputStream(sourceOf(input, failed)), new io.OutputStream(sinkOf(output, failed))];
}

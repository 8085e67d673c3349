import type { NetworkConnection, NetworkListener, SocketAddress } from '#core/ports/network';
import { Wakers } from '#core/waiting';
import type { HostLinker, HostState } from '#runtime/host';
import { sinkOf, sourceOf } from '../byte-streams.ts';
import { failed, InputStream, OutputStream, Pollable } from '../io.ts';
import type { Readiness } from '../readiness.ts';
import { type IpSocketAddress, ipSocketAddressOf, socketAddressOf } from './addresses.ts';
import { atOnce, socketErrorOf } from './error-code.ts';
import { Loopback } from './loopback.ts';
import type { SocketPlace, SocketPlaces } from './socket-places.ts';

/** Functions that would change the host's own network stack; all of them fail with `not-supported`. */
const NOT_SUPPORTED = [
  'hopLimit',
  'setHopLimit',
  'receiveBufferSize',
  'setReceiveBufferSize',
  'sendBufferSize',
  'setSendBufferSize',
];

const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000n;
/** What Linux takes at most, in seconds, and what it begins with. */
const [LONGEST_IDLE_S, USUAL_IDLE_S] = [32_767n, 7_200n];
/** Node sets these itself wherever probes are sent: `setKeepAlive` of https://nodejs.org/api/net.html has no parameters for them. */
const [PROBE_INTERVAL_NS, PROBES] = [NS_PER_S, 10];

export type Family = 'ipv4' | 'ipv6';

/**
 * The phases of a socket in `wasi:sockets/tcp`. The host binds an address and listens on it in one step; the guest can accept
 * connections from `listening` on.
 */
type Phase = 'unbound' | 'binding' | 'bound' | 'starting' | 'listening' | 'connecting' | 'connected' | 'failed';

/** What the sockets of one store share. */
interface StoreSockets {
  readonly places: SocketPlaces;
  readonly loopback: Loopback;
}

type Accepted = NonNullable<ReturnType<NetworkListener['accept']>>;

let partsOf: (socket: TcpSocket) => TcpParts;

/** What a socket is made of, for faces of other versions than 0.2. */
export interface TcpParts {
  /** Ready when nothing is on its way, or a connection can be accepted. */
  readonly readiness: Readiness;
  isUnbound(): boolean;
  /** The connection, once it is made. @throws the code of what prevented it */
  connected(): NetworkConnection;
  finishConnect(): void;
  /** A socket for a connection that has arrived, if there is one. @throws a code */
  accept(caller: HostState): TcpSocket | undefined;
}

/** It is a function and no method, because guests can call every method of a class that they are given. */
export function tcpParts(socket: TcpSocket): TcpParts {
  return partsOf(socket);
}

export class TcpSocket {
  readonly #family: Family;
  readonly #state: HostState;
  readonly #store: StoreSockets;
  /** None for an accepted connection, whose place its listener took. */
  readonly #place: SocketPlace | undefined;
  readonly #giveBack: () => void;
  readonly #stop = new AbortController();
  readonly #changed = new Wakers();
  #phase: Phase;
  /** Whether it is bound where only its own store finds it. */
  #isInMemory = false;
  #closed = false;
  #connection: NetworkConnection | undefined;
  #listener: NetworkListener | undefined;
  #failure: string | undefined;
  #keepsAlive = false;
  #idleNs = USUAL_IDLE_S * NS_PER_S;

  readonly #end = (): void => this[Symbol.dispose]();

  static {
    partsOf = (socket) => ({
      readiness: socket.#readiness,
      isUnbound: () => socket.#phase === 'unbound',
      connected: () => socket.#connected(),
      finishConnect: () => socket.#finish('connecting', 'connected'),
      accept: (caller) => socket.#accept(caller)?.[0],
    });
  }

  constructor(caller: HostState, store: StoreSockets, family: Family, origin: SocketPlace | Accepted) {
    const accepted = 'connection' in origin ? origin : undefined;
    this.#store = store;
    this.#family = family;
    this.#state = caller;
    this.#place = 'connection' in origin ? undefined : origin;
    this.#giveBack = 'connection' in origin ? origin.leave : origin.giveBack;
    this.#connection = accepted?.connection;
    this.#phase = accepted === undefined ? 'unbound' : 'connected';
    this.#state.ending.addEventListener('abort', this.#end, { once: true });
  }

  startBind(_: HostState, _network: object, local: IpSocketAddress): void {
    if (this.#phase !== 'unbound') throw 'invalid-state';
    if (local.tag !== this.#family) throw 'invalid-argument';
    const { context, ending } = this.#state;
    const { loopback, places } = this.#store;
    const at = socketAddressOf(local);
    if (Loopback.takes(at) && !context.network.mayListen(at)) {
      this.#place?.stayInMemory();
      this.#isInMemory = true;
      this.#phase = 'binding';
      this.#bound(loopback.bind(at));
      return;
    }
    const hooks = { reserve: () => places.take(this.#state)?.giveBack };
    const signal = AbortSignal.any([this.#stop.signal, ending]);
    const listening = atOnce(() => context.network.listen(at, hooks, signal));
    this.#phase = 'binding';
    this.#begun(listening, (listener) => this.#bound(loopback.attach(listener)));
  }

  #bound(listener: NetworkListener): void {
    this.#listener = listener;
    listener.changed.add(() => this.#changed.wake());
  }

  finishBind(): void {
    this.#finish('binding', 'bound');
  }

  startListen(): void {
    if (this.#phase !== 'bound') throw 'invalid-state';
    this.#phase = 'starting';
  }

  finishListen(): void {
    this.#finish('starting', 'listening');
  }

  accept(caller: HostState): [TcpSocket, object, object] {
    const accepted = this.#accept(caller);
    if (accepted === undefined) throw 'would-block';
    const [socket, connection] = accepted;
    return [socket, ...streamsOf(caller, connection)];
  }

  #accept(caller: HostState): [TcpSocket, NetworkConnection] | undefined {
    if (this.#phase !== 'listening') throw 'invalid-state';
    const accepted = atOnce(() => this.#listener?.accept());
    if (accepted === undefined) return undefined;
    const socket = new TcpSocket(caller, this.#store, this.#family, accepted);
    socket.#keepsAlive = this.#keepsAlive;
    socket.#idleNs = this.#idleNs;
    if (this.#keepsAlive) socket.#keepAlive();
    return [socket, accepted.connection];
  }

  startConnect(_: HostState, _network: object, remote: IpSocketAddress): void {
    if (this.#phase !== 'unbound' && this.#phase !== 'bound') throw 'invalid-state';
    if (remote.tag !== this.#family || remote.val.port === 0) throw 'invalid-argument';
    const to = socketAddressOf(remote);
    const bound = this.#listener;
    const near = this.#store.loopback.connect(to, bound);
    if (near !== undefined) {
      // A listener of the system has its descriptor for a moment after it was closed.
      if (bound === undefined || this.#isInMemory) this.#place?.stayInMemory();
      this.#connection = near;
    }
    const connecting = near === undefined ? this.#connectOutside(to) : undefined;
    this.#listener = undefined;
    this.#phase = 'connecting';
    if (connecting === undefined) return;
    this.#begun(connecting, (connection) => {
      this.#connection = connection;
      if (this.#keepsAlive) this.#keepAlive();
    });
  }

  /** A port in memory is unknown to the system, so that a socket which is bound there connects from any other. */
  #connectOutside(to: SocketAddress): Promise<NetworkConnection> {
    const { context, ending } = this.#state;
    const signal = AbortSignal.any([this.#stop.signal, ending]);
    if (!this.#isInMemory) return atOnce(() => context.network.connect(to, signal, this.#listener));
    if (this.#place?.leaveMemory() !== true) throw 'new-socket-limit';
    try {
      const connecting = atOnce(() => context.network.connect(to, signal));
      this.#listener?.close();
      return connecting;
    } catch (thrown) {
      this.#place.stayInMemory();
      throw thrown;
    }
  }

  finishConnect(caller: HostState): [object, object] {
    this.#finish('connecting', 'connected');
    return streamsOf(caller, this.#connected());
  }

  localAddress(): IpSocketAddress {
    if (this.#phase === 'bound' || this.#phase === 'starting' || this.#phase === 'listening') {
      return ipSocketAddressOf((this.#listener as NetworkListener).local);
    }
    return ipSocketAddressOf(this.#connected().local);
  }

  remoteAddress(): IpSocketAddress {
    return ipSocketAddressOf(this.#connected().remote);
  }

  isListening(): boolean {
    return this.#phase === 'listening';
  }

  addressFamily(): Family {
    return this.#family;
  }

  keepAliveEnabled(): boolean {
    return this.#keepsAlive;
  }

  setKeepAliveEnabled(_: HostState, enabled: boolean): void {
    this.#keepsAlive = enabled;
    this.#keepAlive();
  }

  keepAliveIdleTime(): bigint {
    return this.#idleNs;
  }

  /** Rounds to what the system takes: whole seconds, at least one. */
  setKeepAliveIdleTime(_: HostState, duration: bigint): void {
    if (duration === 0n) throw 'invalid-argument';
    const seconds = duration / NS_PER_S;
    this.#idleNs = (seconds < 1n ? 1n : seconds > LONGEST_IDLE_S ? LONGEST_IDLE_S : seconds) * NS_PER_S;
    if (this.#keepsAlive) this.#keepAlive();
  }

  keepAliveInterval(): bigint {
    return PROBE_INTERVAL_NS;
  }

  /** The interface lets a host round what is set: here, to the interval that there is. */
  setKeepAliveInterval(_: HostState, interval: bigint): void {
    if (interval === 0n) throw 'invalid-argument';
  }

  keepAliveCount(): number {
    return PROBES;
  }

  /** As `setKeepAliveInterval`. */
  setKeepAliveCount(_: HostState, count: number): void {
    if (count === 0) throw 'invalid-argument';
  }

  #keepAlive(): void {
    this.#connection?.keepAlive(this.#keepsAlive, Number(this.#idleNs) / NS_PER_MS);
  }

  /** Checks the size only: the host decides how many connections may wait to be accepted. */
  setListenBacklogSize(_: HostState, size: bigint): void {
    if (size === 0n) throw 'invalid-argument';
  }

  subscribe(caller: HostState): object {
    return new Pollable(caller, this.#readiness);
  }

  readonly #readiness: Readiness = {
    ready: () => {
      if (this.#closed || this.#failure !== undefined) return true;
      if (this.#phase === 'listening') return this.#listener?.readable === true;
      return !this.#isOnItsWay;
    },
    whenReady: (wake) => this.#changed.add(wake),
  };

  /** Ends sending. A shutdown of `receive` does nothing: the guest can still read, and the other side learns nothing of it. */
  shutdown(_: HostState, what: 'receive' | 'send' | 'both'): void {
    const connection = this.#connected();
    if (what !== 'receive') connection.end();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#state.ending.removeEventListener('abort', this.#end);
    this.#stop.abort();
    if (!this.#isOnItsWay) this.#leave();
  }

  /** Whether a bind or a connect is still pending. The socket keeps its place until that has ended. */
  get #isOnItsWay(): boolean {
    if (this.#failure !== undefined) return false;
    if (this.#phase === 'binding') return this.#listener === undefined;
    return this.#phase === 'connecting' && this.#connection === undefined;
  }

  #begun<T>(promise: Promise<T>, came: (value: T) => void): void {
    promise
      .then(came, (error: unknown) => {
        this.#failure = socketErrorOf(error);
      })
      .then(() => {
        this.#changed.wake();
        if (this.#closed) this.#leave();
      });
  }

  #finish(from: Phase, to: Phase): void {
    if (this.#phase !== from) throw 'not-in-progress';
    if (this.#isOnItsWay) throw 'would-block';
    const failure = this.#failure;
    this.#phase = failure === undefined ? to : 'failed';
    if (failure === undefined) return;
    // Another address may be bound then.
    if (from === 'binding') {
      this.#phase = 'unbound';
      this.#failure = undefined;
    }
    throw failure;
  }

  /** Closes what the socket holds, and gives its place back once its descriptor is closed. */
  #leave(): void {
    this.#listener?.close();
    const connection = this.#connection;
    connection?.close();
    if (connection?.closed === undefined) this.#giveBack();
    else void connection.closed.then(this.#giveBack);
  }

  #connected(): NetworkConnection {
    if (this.#connection === undefined || this.#phase !== 'connected') throw 'invalid-state';
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

/** Makes the sockets of all stores, whichever version of WASI they are for. */
export class TcpSockets {
  readonly #places: SocketPlaces;
  readonly #stores = new WeakMap<HostState, StoreSockets>();

  constructor(places: SocketPlaces) {
    this.#places = places;
  }

  /** Makes a socket that is not bound. @throws `new-socket-limit` */
  create(caller: HostState, family: Family): TcpSocket {
    const places = this.#places;
    const place = places.take(caller);
    if (place === undefined) throw 'new-socket-limit';
    const store = this.#stores.get(caller) ?? { places, loopback: new Loopback(() => placeInMemory(places, caller)) };
    this.#stores.set(caller, store);
    return new TcpSocket(caller, store, family, place);
  }
}

/** Defines `wasi:sockets/tcp` and `tcp-create-socket` 0.2: outgoing and incoming connections. */
export function defineTcp(linker: HostLinker, sockets: TcpSockets): void {
  linker.define('wasi:sockets/tcp@0.2.0', { TcpSocket });
  linker.define('wasi:sockets/tcp-create-socket@0.2.0', {
    createTcpSocket: (caller: HostState, family: Family) => sockets.create(caller, family),
  });
}

function placeInMemory(places: SocketPlaces, state: HostState): (() => void) | undefined {
  const place = places.take(state);
  place?.stayInMemory();
  return place?.giveBack;
}

/** Makes the input and output streams of a connection. */
function streamsOf(caller: HostState, { input, output }: NetworkConnection): [object, object] {
  const asStreamError = (error: unknown): unknown => {
    const code = socketErrorOf(error);
    return failed(caller, code, code);
  };
  return [
    new InputStream(caller, sourceOf(input, asStreamError)),
    new OutputStream(caller, sinkOf(output, asStreamError)),
  ];
}

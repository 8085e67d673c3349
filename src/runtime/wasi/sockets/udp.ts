import type { DatagramSocket, SocketAddress } from '#core/ports/network';
import { Wakers } from '#core/waiting';
import type { HostLinker, HostState } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';
import { Pollable } from '../io.ts';
import type { Readiness } from '../readiness.ts';
import { type IpSocketAddress, ipAddressOf, ipSocketAddressOf, socketAddressOf, textOf } from './addresses.ts';
import { atOnce, socketErrorOf } from './error-code.ts';
import type { SocketPlaces } from './socket-places.ts';

/** Functions that would change the host's own network stack; all of them fail with `not-supported`. */
const NOT_SUPPORTED = [
  'unicastHopLimit',
  'setUnicastHopLimit',
  'receiveBufferSize',
  'setReceiveBufferSize',
  'sendBufferSize',
  'setSendBufferSize',
];

/** The most bytes that one datagram of UDP over IPv4 holds: 65,535 bytes minus both headers. */
const MAX_DATAGRAM = 65_507;
/** The most datagrams that one call receives. */
const MAX_RECEIVED = 64;

type Family = 'ipv4' | 'ipv6';

interface IncomingDatagram {
  readonly data: Uint8Array;
  readonly remoteAddress: IpSocketAddress;
}

interface OutgoingDatagram {
  readonly data: Uint8Array;
  readonly remoteAddress?: IpSocketAddress | undefined;
}

/** The state that the two streams of a socket share. Another call of the socket's `stream` ends it. */
interface Exchange {
  readonly socket: DatagramSocket;
  readonly remote: SocketAddress | undefined;
  isOver: boolean;
}

class IncomingDatagramStream {
  readonly #charge: HostCharge;
  readonly #exchange: Exchange;

  constructor(caller: HostState, exchange: Exchange) {
    this.#charge = new HostCharge(caller);
    this.#exchange = exchange;
  }

  receive(_: HostState, most: bigint): readonly IncomingDatagram[] {
    const { socket, remote } = usable(this.#exchange);
    const received = atOnce(() => socket.receive(most > BigInt(MAX_RECEIVED) ? MAX_RECEIVED : Number(most), remote));
    return received
      .filter((each) => remote === undefined || isSame(each.remote, remote))
      .map((each) => ({ data: each.data, remoteAddress: ipSocketAddressOf(each.remote) }));
  }

  subscribe(caller: HostState): object {
    const { socket, remote } = this.#exchange;
    return new Pollable(caller, {
      ready: () => this.#exchange.isOver || socket.isReadable(remote),
      whenReady: (wake) => socket.changed.add(wake),
    });
  }

  [Symbol.dispose](): void {
    this.#charge.end();
  }
}

class OutgoingDatagramStream {
  readonly #charge: HostCharge;
  readonly #exchange: Exchange;

  constructor(caller: HostState, exchange: Exchange) {
    this.#charge = new HostCharge(caller);
    this.#exchange = exchange;
  }

  checkSend(): bigint {
    return BigInt(usable(this.#exchange).socket.room);
  }

  send(_: HostState, datagrams: readonly OutgoingDatagram[]): bigint {
    const { socket, remote } = usable(this.#exchange);
    let sent = 0n;
    for (const { data, remoteAddress } of datagrams) {
      if (socket.room === 0) break;
      const to = remoteAddress === undefined ? remote : socketAddressOf(remoteAddress);
      const failure = refusal(data, to, remote);
      // First report how many were sent. The guest tries the rest again, and then this failure is reported.
      if (failure !== undefined && sent > 0n) break;
      if (failure !== undefined) throw failure;
      atOnce(() => socket.send(data, to as SocketAddress));
      sent += 1n;
    }
    return sent;
  }

  subscribe(caller: HostState): object {
    const { socket } = this.#exchange;
    return new Pollable(caller, {
      ready: () => this.#exchange.isOver || socket.room > 0,
      whenReady: (wake) => socket.changed.add(wake),
    });
  }

  [Symbol.dispose](): void {
    this.#charge.end();
  }
}

let partsOf: (socket: UdpSocket) => UdpParts;

/** What a socket is made of, for faces of other versions than 0.2. */
export interface UdpParts {
  /** Ready when no bind is on its way. */
  readonly readiness: Readiness;
  isUnbound(): boolean;
  /** @throws `invalid-state` where it is not bound */
  bound(): DatagramSocket;
}

/** It is a function and no method, because guests can call every method of a class that they are given. */
export function udpParts(socket: UdpSocket): UdpParts {
  return partsOf(socket);
}

export class UdpSocket {
  readonly #family: Family;
  readonly #state: HostState;
  readonly #giveBack: () => void;
  readonly #stop = new AbortController();
  readonly #changed = new Wakers();
  #phase: 'unbound' | 'binding' | 'bound' = 'unbound';
  #closed = false;
  #socket: DatagramSocket | undefined;
  #exchange: Exchange | undefined;
  #failure: string | undefined;

  readonly #end = (): void => this[Symbol.dispose]();
  readonly #readiness: Readiness = {
    ready: () => this.#closed || !this.#isOnItsWay,
    whenReady: (wake) => this.#changed.add(wake),
  };

  static {
    partsOf = (socket) => ({
      readiness: socket.#readiness,
      isUnbound: () => socket.#phase === 'unbound',
      bound: () => socket.#bound(),
    });
  }

  constructor(caller: HostState, family: Family, giveBack: () => void) {
    this.#family = family;
    this.#state = caller;
    this.#giveBack = giveBack;
    this.#state.ending.addEventListener('abort', this.#end, { once: true });
  }

  startBind(_: HostState, _network: object, local: IpSocketAddress): void {
    if (this.#phase !== 'unbound') throw 'invalid-state';
    if (local.tag !== this.#family) throw 'invalid-argument';
    const binding = atOnce(() => this.#state.context.network.bind(socketAddressOf(local), this.#stop.signal));
    this.#phase = 'binding';
    binding
      .then(
        (socket) => {
          this.#socket = socket;
        },
        (error: unknown) => {
          this.#failure = socketErrorOf(error);
        },
      )
      .then(() => {
        this.#changed.wake();
        if (this.#closed) this.#leave();
      });
  }

  finishBind(): void {
    if (this.#phase !== 'binding') throw 'not-in-progress';
    if (this.#isOnItsWay) throw 'would-block';
    const failure = this.#failure;
    this.#failure = undefined;
    this.#phase = failure === undefined ? 'bound' : 'unbound';
    if (failure !== undefined) throw failure;
  }

  stream(caller: HostState, remote: IpSocketAddress | undefined): [IncomingDatagramStream, OutgoingDatagramStream] {
    const socket = this.#bound();
    if (remote !== undefined && (remote.tag !== this.#family || remote.val.port === 0)) throw 'invalid-argument';
    const to = remote === undefined ? undefined : socketAddressOf(remote);
    if (to !== undefined) atOnce(() => socket.checkSend(to));
    if (this.#exchange !== undefined) this.#exchange.isOver = true;
    this.#exchange = { socket, remote: to, isOver: false };
    return [new IncomingDatagramStream(caller, this.#exchange), new OutgoingDatagramStream(caller, this.#exchange)];
  }

  localAddress(): IpSocketAddress {
    return ipSocketAddressOf(this.#bound().local);
  }

  remoteAddress(): IpSocketAddress {
    const remote = this.#exchange?.remote;
    if (remote === undefined) throw 'invalid-state';
    return ipSocketAddressOf(remote);
  }

  addressFamily(): Family {
    return this.#family;
  }

  subscribe(caller: HostState): object {
    return new Pollable(caller, this.#readiness);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#state.ending.removeEventListener('abort', this.#end);
    this.#stop.abort();
    if (this.#exchange !== undefined) this.#exchange.isOver = true;
    if (!this.#isOnItsWay) this.#leave();
  }

  get #isOnItsWay(): boolean {
    return this.#phase === 'binding' && this.#socket === undefined && this.#failure === undefined;
  }

  /** Closes what the socket holds, and gives its place back once its descriptor is closed. */
  #leave(): void {
    const socket = this.#socket;
    socket?.close();
    if (socket === undefined) this.#giveBack();
    else void socket.closed.then(this.#giveBack);
  }

  #bound(): DatagramSocket {
    if (this.#phase !== 'bound' || this.#socket === undefined) throw 'invalid-state';
    return this.#socket;
  }
}

for (const name of NOT_SUPPORTED) {
  Object.defineProperty(UdpSocket.prototype, name, {
    configurable: true,
    value: () => {
      throw 'not-supported';
    },
  });
}

/** Makes a socket that is not bound. @throws `new-socket-limit` */
export function createUdpSocket(places: SocketPlaces, caller: HostState, family: Family): UdpSocket {
  const giveBack = places.take(caller)?.giveBack;
  if (giveBack === undefined) throw 'new-socket-limit';
  return new UdpSocket(caller, family, giveBack);
}

/** Defines `wasi:sockets/udp` and `udp-create-socket` 0.2. */
export function defineUdp(linker: HostLinker, places: SocketPlaces): void {
  linker.define('wasi:sockets/udp@0.2.0', { UdpSocket, IncomingDatagramStream, OutgoingDatagramStream });
  linker.define('wasi:sockets/udp-create-socket@0.2.0', {
    createUdpSocket: (caller: HostState, family: Family) => createUdpSocket(places, caller, family),
  });
}

function usable(exchange: Exchange): Exchange {
  if (exchange.isOver) throw 'invalid-state';
  return exchange;
}

/** Why a datagram cannot be sent, regardless of grants; undefined if it can. */
export function refusal(
  data: Uint8Array,
  to: SocketAddress | undefined,
  remote: SocketAddress | undefined,
): string | undefined {
  if (to === undefined || to.port === 0 || (remote !== undefined && !isSame(to, remote))) return 'invalid-argument';
  return data.length > MAX_DATAGRAM ? 'datagram-too-large' : undefined;
}

export function isSame(one: SocketAddress, other: SocketAddress): boolean {
  return one.port === other.port && textOf(ipAddressOf(one.address)) === textOf(ipAddressOf(other.address));
}

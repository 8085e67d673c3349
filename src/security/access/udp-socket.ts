import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { isVivariumError } from '#core/errors';
import type { Datagram, DatagramSocket, SocketAddress } from '#core/ports/network';
import { Wakers } from '#core/waiting';
import { networkFailure } from './network-failure.ts';
import { type SocketGrant, WatchedGrant } from './socket-grant.ts';

/** Datagrams that are kept until they are received, and their bytes; more are lost, as datagrams may be. */
const MAX_QUEUED = 64;
const MAX_QUEUED_BYTES = 128 * 1024;
/** Datagrams that are being sent. */
const MAX_SENDING = 16;

/** What a socket asks before each datagram. */
export interface DatagramChecks {
  /** What allows it to receive at all. */
  readonly grant: SocketGrant;
  /** @throws where sending there is not granted */
  send(to: SocketAddress): void;
  /** Whether what comes from there may be received. */
  receives(from: SocketAddress): boolean;
  /** The same for a peer from whom alone the component wants something. @throws the denial, which is recorded */
  checkReceive(from: SocketAddress): void;
}

/** Binds an address that was checked. @throws {SecurityError} `SECURITY_NETWORK_FAILED` */
export function bindUdp(at: SocketAddress, checks: DatagramChecks, signal: AbortSignal): Promise<DatagramSocket> {
  return new Promise((resolve, reject) => {
    const isV6 = isIPv6(at.address);
    const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 });
    socket.once('error', (error) => {
      socket.once('close', () => reject(networkFailure(at, error))).close();
    });
    socket.bind({ address: at.address, port: at.port, exclusive: true }, () => {
      const bound = new UdpSocket(socket, checks);
      if (signal.aborted) bound.close();
      resolve(bound);
    });
    // A component that receives keeps no process alive; who waits for it does.
    socket.unref();
  });
}

class UdpSocket implements DatagramSocket {
  readonly local: SocketAddress;
  readonly changed: Wakers = new Wakers();
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #checks: DatagramChecks;
  readonly #queued: Datagram[] = [];
  #queuedBytes = 0;
  #sending = 0;
  readonly #watched: WatchedGrant;
  #isClosed = false;

  constructor(socket: Socket, checks: DatagramChecks) {
    const { address, port } = socket.address();
    this.local = { address, port };
    this.#socket = socket;
    this.#checks = checks;
    socket.removeAllListeners('error').on('error', () => {});
    socket.on('message', (data, { address, port }) => this.#came(data, { address, port }));
    this.#watched = new WatchedGrant(checks.grant, () => this.changed.wake());
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#watched.end();
        resolve();
      });
    });
  }

  isReadable(from?: SocketAddress): boolean {
    if (this.#queued.length > 0 || this.#watched.isRevoked) return true;
    return from !== undefined && !this.#mayCome(from);
  }

  get room(): number {
    return MAX_SENDING - this.#sending;
  }

  receive(most: number, from?: SocketAddress): readonly Datagram[] {
    if (this.#watched.isRevoked) this.#watched.check();
    if (from !== undefined && !this.#mayCome(from)) this.#checks.checkReceive(from);
    const received = this.#queued.splice(0, most);
    for (const { data } of received) this.#queuedBytes -= data.length;
    return received.filter(({ remote }) => this.#checks.receives(remote));
  }

  checkSend(to: SocketAddress): void {
    this.#checks.send(to);
  }

  send(data: Uint8Array, to: SocketAddress): void {
    this.#checks.send(to);
    if (this.#isClosed) return;
    this.#sending += 1;
    // Whether a datagram arrives is never told, and neither is that it could not be sent.
    this.#socket.send(data.slice(), to.port, to.address, () => {
      this.#sending -= 1;
      this.changed.wake();
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queued.length = 0;
    this.#socket.close();
  }

  #came(data: Uint8Array, remote: SocketAddress): void {
    if (this.#isClosed || this.#queued.length >= MAX_QUEUED) return;
    if (this.#queuedBytes + data.length > MAX_QUEUED_BYTES || !this.#mayCome(remote)) return;
    this.#queued.push({ data, remote });
    this.#queuedBytes += data.length;
    this.changed.wake();
  }

  #mayCome(remote: SocketAddress): boolean {
    return this.#passes(() => this.#checks.receives(remote));
  }

  #passes(check: () => unknown): boolean {
    try {
      return check() !== false;
    } catch (error) {
      if (isVivariumError(error)) return false;
      throw error;
    }
  }
}

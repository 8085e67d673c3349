import { connect, type Socket } from 'node:net';
import { messageOf } from '#core/errors';
import type { NetworkConnection, SocketAddress } from '#core/ports/network';
import { Wakers } from '#core/waiting';
import { SecurityError } from '../errors.ts';

/** Bytes that are kept of what is sent; Node keeps as many of what is received, and lets the other side wait then. */
const BUFFER_BYTES = 64 * 1024;
const CONNECT_MS = 10_000;

/** Connects to an address that was checked. @throws {SecurityError} `SECURITY_NETWORK_FAILED` */
export function connectTcp(to: SocketAddress, check: () => void, signal: AbortSignal): Promise<NetworkConnection> {
  return new Promise((resolve, reject) => {
    // An aborted signal destroys the socket before it has a descriptor, and the one that it is then given stays open.
    if (signal.aborted) {
      reject(failed(to, Object.assign(new Error('nobody waits for it'), { code: 'ECONNABORTED' })));
      return;
    }
    const socket = connect({
      host: to.address,
      port: to.port,
      // What the other side ends, this one may still answer.
      allowHalfOpen: true,
      signal,
      timeout: CONNECT_MS,
    });
    // Told once nothing of it is open any more: its place in a quota is free then.
    const onError = (error: Error): void => void socket.once('close', () => reject(failed(to, error)));
    socket.once('error', onError);
    socket.once('timeout', () => socket.destroy(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' })));
    socket.once('connect', () => {
      socket.off('error', onError);
      socket.setTimeout(0);
      resolve(new TcpConnection(socket, to, check));
    });
  });
}

class TcpConnection implements NetworkConnection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly closed: Promise<void>;
  readonly changed: Wakers = new Wakers();
  readonly #socket: Socket;
  readonly #check: () => void;
  #ended = false;
  #failure: Error | undefined;

  constructor(socket: Socket, to: SocketAddress, check: () => void) {
    this.local = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    this.remote = to;
    this.#socket = socket;
    this.#check = check;
    socket.on('error', (error) => {
      this.#failure = error;
      this.changed.wake();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.changed.wake();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#ended = true;
        this.changed.wake();
        resolve();
      });
    });
    // The end is told to whoever reads beyond what is there.
    socket.on('readable', () => {
      if (socket.readableLength === 0) socket.read();
      this.changed.wake();
    });
  }

  get readable(): boolean {
    return this.#socket.readableLength > 0 || this.#ended || this.#failure !== undefined;
  }

  get writable(): boolean {
    const { writable, writableLength } = this.#socket;
    return this.#failure !== undefined || !writable || writableLength < BUFFER_BYTES;
  }

  get flushed(): boolean {
    return this.#failure !== undefined || this.#socket.destroyed || this.#socket.writableLength === 0;
  }

  get room(): number | undefined {
    this.#usable();
    return this.#socket.writable ? Math.max(0, BUFFER_BYTES - this.#socket.writableLength) : undefined;
  }

  read(length: number): Uint8Array | undefined {
    this.#check();
    const { readableLength } = this.#socket;
    if (readableLength > 0) return this.#socket.read(Math.min(length, readableLength)) as Uint8Array;
    this.#usable();
    return this.#ended ? undefined : new Uint8Array();
  }

  write(bytes: Uint8Array): void {
    this.#usable();
    // The guest's memory may change before it is sent.
    this.#socket.write(bytes.slice(), () => this.changed.wake());
  }

  end(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }

  #usable(): void {
    this.#check();
    if (this.#failure !== undefined) throw failed(this.remote, this.#failure);
  }
}

function failed({ address, port }: SocketAddress, cause: Error): SecurityError {
  const reason = 'code' in cause && typeof cause.code === 'string' ? cause.code : 'failed';
  return new SecurityError(
    'SECURITY_NETWORK_FAILED',
    `the connection to ${address}:${port} failed: ${messageOf(cause)}`,
    {
      cause,
      details: { reason },
    },
  );
}

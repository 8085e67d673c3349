import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { isVivariumError } from '#core/errors';
import type { ListenerHooks, NetworkListener, SocketAddress } from '#core/ports/network';
import { Wakers } from '#core/waiting';
import { networkFailure } from './network-failure.ts';
import { type SocketGrant, WatchedGrant } from './socket-grant.ts';
import { TcpConnection } from './tcp-connection.ts';

/** The most connections that wait to be accepted, in addition to those that the system itself buffers. */
const MAX_PENDING = 8;

/** Listens on an address that was checked. @throws {SecurityError} `SECURITY_NETWORK_FAILED` */
export function listenTcp(
  at: SocketAddress,
  grant: SocketGrant,
  hooks: ListenerHooks,
  signal: AbortSignal,
): Promise<NetworkListener> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true });
    server.once('error', (error) => reject(networkFailure(at, error)));
    server.listen({ host: at.address, port: at.port, exclusive: true, ipv6Only: isIPv6(at.address) }, () => {
      const listener = new TcpListener(server, grant, hooks);
      if (signal.aborted) listener.close();
      resolve(listener);
    });
    // A listening component does not keep the process alive; a caller that waits for it does.
    server.unref();
  });
}

/** A connection that waits to be accepted, and the function that gives its place back. */
interface Pending {
  readonly connection: TcpConnection;
  readonly leave: () => void;
}

class TcpListener implements NetworkListener {
  readonly local: SocketAddress;
  readonly changed: Wakers = new Wakers();
  readonly closed: Promise<void>;
  readonly #server: Server;
  readonly #grant: SocketGrant;
  readonly #watched: WatchedGrant;
  readonly #hooks: ListenerHooks;
  readonly #pending: Pending[] = [];

  constructor(server: Server, grant: SocketGrant, hooks: ListenerHooks) {
    const { address, port } = server.address() as { address: string; port: number };
    this.local = { address, port };
    this.#server = server;
    this.#grant = grant;
    this.#hooks = hooks;
    server.on('connection', (socket) => this.#came(socket));
    server.on('error', () => {});
    this.#watched = new WatchedGrant(grant, () => this.changed.wake());
    this.closed = new Promise((resolve) => {
      server.once('close', () => {
        this.#watched.end();
        resolve();
      });
    });
  }

  get readable(): boolean {
    return this.#pending.length > 0 || this.#watched.isRevoked;
  }

  accept(): Pending | undefined {
    this.#watched.check();
    return this.#pending.shift();
  }

  close(): void {
    this.#server.close();
    for (const { connection, leave } of this.#pending.splice(0)) {
      connection.close();
      void connection.closed.then(leave);
    }
  }

  #came(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    const leave = this.#isWelcome() ? this.#hooks.reserve() : undefined;
    if (leave === undefined || remoteAddress === undefined || remotePort === undefined) {
      leave?.();
      socket.on('error', () => {}).destroy();
      return;
    }
    const connection = new TcpConnection(socket, { address: remoteAddress, port: remotePort }, this.#grant);
    this.#pending.push({ connection, leave });
    this.changed.wake();
  }

  #isWelcome(): boolean {
    if (this.#pending.length >= MAX_PENDING) return false;
    try {
      this.#grant.check();
      return true;
    } catch (error) {
      if (isVivariumError(error)) return false;
      throw error;
    }
  }
}

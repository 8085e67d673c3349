import { isIP } from 'node:net';
import type {
  ComponentNetwork,
  DatagramSocket,
  HttpLimits,
  HttpRequest,
  HttpResponse,
  ListenerHooks,
  NameService,
  NetworkConnection,
  NetworkListener,
  SocketAddress,
} from '#core/ports/network';
import type { Authority } from '#security/authority';
import { guardedFetch } from './http/guarded-fetch.ts';
import { KeptConnections, type UnusedConnections } from './http/kept-connections.ts';
import { NetworkGuard } from './network-guard.ts';
import type { SocketGrant } from './socket-grant.ts';

/** The network, restricted to a component's grants. */
export class GuardedNetwork implements ComponentNetwork {
  readonly #guard: NetworkGuard;
  readonly #connections: KeptConnections;

  /** @param unused the connections that all components of the runtime keep */
  constructor(authority: Authority, unused: UnusedConnections, names?: NameService) {
    this.#guard = new NetworkGuard(authority, unused.clock, names);
    this.#connections = new KeptConnections(unused);
    authority.revoked.add(() => this.release());
  }

  fetch(request: HttpRequest, limits?: HttpLimits): Promise<HttpResponse> {
    return guardedFetch({ guard: this.#guard, connections: this.#connections }, request, limits);
  }

  release(): void {
    this.#connections.release();
  }

  lookUp(name: string): Promise<readonly string[]> {
    return this.#guard.lookUp(name);
  }

  connect(to: SocketAddress, signal: AbortSignal, bound?: NetworkListener): Promise<NetworkConnection> {
    const grant = this.#granted(() => this.#guard.checkSocket(to));
    // Imported on first use, because most components open no socket. `connectTcp` checks the signal then.
    const module = import('./tcp-connection.ts');
    if (bound === undefined) return module.then(({ connectTcp }) => connectTcp(to, grant, signal));
    bound.close();
    return bound.closed.then(async () => (await module).connectTcp(to, grant, signal, bound.local));
  }

  bind(at: SocketAddress, signal: AbortSignal): Promise<DatagramSocket> {
    const isAny = isIP(at.address) !== 0 && /^[0:.]+$/.test(at.address) && at.port === 0;
    // Any component may bind where it is told no address. It receives from those to whom it may send.
    const grant = isAny
      ? { check: () => this.#guard.checkSends(at), revoked: this.#guard.revoked }
      : this.#granted(() => this.#guard.checkSocket(at, 'listen', 'udp'));
    const checks = {
      grant,
      send: (to: SocketAddress): void => this.#guard.checkSocket(to, 'send', 'udp'),
      receives: (from: SocketAddress): boolean => {
        if (isAny) return this.#guard.allowsSocket(from, 'send', 'udp');
        grant.check();
        return true;
      },
      checkReceive: (from: SocketAddress): void =>
        isAny ? this.#guard.checkSocket(from, 'send', 'udp') : grant.check(),
    };
    return import('./udp-socket.ts').then(({ bindUdp }) => bindUdp(at, checks, signal));
  }

  mayListen(at: SocketAddress): boolean {
    return this.#guard.allowsSocket(at, 'listen', 'tcp');
  }

  listen(at: SocketAddress, hooks: ListenerHooks, signal: AbortSignal): Promise<NetworkListener> {
    const grant = this.#granted(() => this.#guard.checkSocket(at, 'listen'));
    return import('./tcp-listener.ts').then(({ listenTcp }) => listenTcp(at, grant, hooks, signal));
  }

  /** @throws what `check` throws */
  #granted(check: () => void): SocketGrant {
    check();
    return { check, revoked: this.#guard.revoked };
  }
}

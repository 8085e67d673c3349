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
    const check = (): void => this.#guard.checkSocket(to);
    check();
    // Imported on first use, because most components open no socket. `connectTcp` checks the signal then.
    const module = import('./tcp-connection.ts');
    if (bound === undefined) return module.then(({ connectTcp }) => connectTcp(to, check, signal));
    bound.close();
    return bound.closed.then(async () => (await module).connectTcp(to, check, signal, bound.local));
  }

  bind(at: SocketAddress, signal: AbortSignal): Promise<DatagramSocket> {
    const isAny = isIP(at.address) !== 0 && /^[0:.]+$/.test(at.address) && at.port === 0;
    const listens = (): void => this.#guard.checkSocket(at, 'listen', 'udp');
    if (!isAny) listens();
    const checks = {
      send: (to: SocketAddress): void => this.#guard.checkSocket(to, 'send', 'udp'),
      receives: (from: SocketAddress): boolean => {
        if (isAny) return this.#guard.allowsSocket(from, 'send', 'udp');
        listens();
        return true;
      },
    };
    return import('./udp-socket.ts').then(({ bindUdp }) => bindUdp(at, checks, signal));
  }

  mayListen(at: SocketAddress): boolean {
    return this.#guard.allowsSocket(at, 'listen', 'tcp');
  }

  listen(at: SocketAddress, hooks: ListenerHooks, signal: AbortSignal): Promise<NetworkListener> {
    const check = (): void => this.#guard.checkSocket(at, 'listen');
    check();
    return import('./tcp-listener.ts').then(({ listenTcp }) => listenTcp(at, check, hooks, signal));
  }
}

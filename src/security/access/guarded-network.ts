import type {
  ComponentNetwork,
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
import { guardedFetch } from './guarded-fetch.ts';
import { NetworkGuard } from './network-guard.ts';

/** The network, restricted to a component's grants. */
export class GuardedNetwork implements ComponentNetwork {
  readonly #guard: NetworkGuard;

  constructor(authority: Authority, names?: NameService) {
    this.#guard = new NetworkGuard(authority, names);
  }

  fetch(request: HttpRequest, limits?: HttpLimits): Promise<HttpResponse> {
    return guardedFetch(this.#guard, request, limits);
  }

  lookUp(name: string): Promise<readonly string[]> {
    return this.#guard.lookUp(name);
  }

  connect(to: SocketAddress, signal: AbortSignal): Promise<NetworkConnection> {
    const check = (): void => this.#guard.checkSocket(to);
    check();
    // Imported on first use, because most components open no socket. `connectTcp` checks the signal then.
    return import('./tcp-connection.ts').then(({ connectTcp }) => connectTcp(to, check, signal));
  }

  listen(at: SocketAddress, hooks: ListenerHooks, signal: AbortSignal): Promise<NetworkListener> {
    const check = (): void => this.#guard.checkSocket(at, 'listen');
    check();
    return import('./tcp-listener.ts').then(({ listenTcp }) => listenTcp(at, check, hooks, signal));
  }
}

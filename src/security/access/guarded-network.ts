import type {
  ComponentNetwork,
  HttpLimits,
  HttpRequest,
  HttpResponse,
  NameService,
  NetworkConnection,
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

  async connect(to: SocketAddress, signal: AbortSignal): Promise<NetworkConnection> {
    const check = (): void => this.#guard.checkSocket(to);
    check();
    // Imported on first use, because most components open no socket.
    const { connectTcp } = await import('./tcp-connection.ts');
    // The caller may have aborted meanwhile; `connectTcp` checks the signal again.
    return connectTcp(to, check, signal);
  }
}

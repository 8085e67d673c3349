import type { Endpoint } from '#security/authority';
import type { NetworkGuard } from '../network-guard.ts';
import type { SocketGrant } from '../socket-grant.ts';

/** What allows a request where it goes now, as long as it and its answer are under way. */
export class HopGrant implements SocketGrant {
  readonly revoked: SocketGrant['revoked'];
  readonly #guard: NetworkGuard;
  #endpoint: Endpoint | undefined;
  #addresses: readonly string[] = [];

  constructor(guard: NetworkGuard) {
    this.#guard = guard;
    this.revoked = guard.revoked;
  }

  /** Another hop begins. @param addresses where it may connect, as soon as they are known */
  goesTo(endpoint: Endpoint, addresses: readonly string[] = []): void {
    this.#endpoint = endpoint;
    this.#addresses = addresses;
  }

  readonly check = (): void => {
    if (this.#endpoint !== undefined) this.#guard.checkAgain(this.#endpoint, this.#addresses);
  };
}

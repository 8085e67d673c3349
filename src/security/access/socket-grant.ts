import { isVivariumError } from '#core/errors';
import type { Unsubscribe, Wakers } from '#core/waiting';

/** What allows a socket that is open. */
export interface SocketGrant {
  /** @throws {SecurityError} `SECURITY_PERMISSION_DENIED` once it is revoked */
  readonly check: () => void;
  /** Wakes when some grant of the component was revoked. */
  readonly revoked: Wakers;
}

/** Calls `ended` with the denial when the grant is revoked, at once if it is already, so that what waits for the socket is told. */
export function onRevocation({ check, revoked }: SocketGrant, ended: (denial: Error) => void): Unsubscribe {
  const look = (): void => {
    const denial = denialOf(check);
    if (denial === undefined) return;
    unsubscribe();
    ended(denial);
  };
  const unsubscribe = revoked.add(look);
  look();
  return unsubscribe;
}

/** Notices the revocation of a grant that may be given again while its socket is open. */
export class WatchedGrant {
  readonly #grant: SocketGrant;
  #isRevoked: boolean;
  readonly end: Unsubscribe;

  /** @param changed called at each revocation of some grant of the component */
  constructor(grant: SocketGrant, changed: () => void) {
    this.#grant = grant;
    // It may have been revoked while the socket was made.
    this.#isRevoked = denialOf(grant.check) !== undefined;
    this.end = grant.revoked.add(() => {
      this.#isRevoked = denialOf(grant.check) !== undefined;
      changed();
    });
  }

  /** Whether it was revoked since the last `check`. */
  get isRevoked(): boolean {
    return this.#isRevoked;
  }

  /** @throws {SecurityError} `SECURITY_PERMISSION_DENIED`, unless the grant is given, or given again */
  check(): void {
    this.#grant.check();
    this.#isRevoked = false;
  }
}

/** The denial that a check throws; undefined if it permits. */
function denialOf(check: () => unknown): Error | undefined {
  try {
    check();
    return undefined;
  } catch (denial) {
    if (isVivariumError(denial)) return denial;
    throw denial;
  }
}

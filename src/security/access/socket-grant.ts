import { isVivariumError } from '#core/errors';
import type { Unsubscribe, Wakers } from '#core/waiting';

/** What allows a socket that is open. */
export interface SocketGrant {
  /** @throws {SecurityError} `SECURITY_PERMISSION_DENIED` once it is revoked */
  readonly check: () => void;
  /** Wakes when some grant of the component was revoked. */
  readonly revoked: Wakers;
}

/** Calls `ended` with the denial when the grant is revoked, so that what waits for the socket is told. */
export function onRevocation({ check, revoked }: SocketGrant, ended: (denial: Error) => void): Unsubscribe {
  const unsubscribe = revoked.add(() => {
    try {
      check();
    } catch (denial) {
      if (!isVivariumError(denial)) throw denial;
      unsubscribe();
      ended(denial);
    }
  });
  return unsubscribe;
}

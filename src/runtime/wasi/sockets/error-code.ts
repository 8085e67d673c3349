import { isVivariumError } from '#core/errors';

/** The cases of `wasi:sockets/network.error-code` that our connections can fail with, by the reason that the network gives. */
const CODES: Readonly<Record<string, string>> = {
  name: 'name-unresolvable',
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-reset',
  EADDRINUSE: 'address-in-use',
  EADDRNOTAVAIL: 'address-not-bindable',
  EACCES: 'access-denied',
  EPIPE: 'connection-aborted',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'remote-unreachable',
  ENETUNREACH: 'remote-unreachable',
};

/** The case that the guest gets for a failure. */
export function socketErrorOf(thrown: unknown): string {
  if (isVivariumError(thrown, 'SECURITY_PERMISSION_DENIED')) return 'access-denied';
  return (isVivariumError(thrown) && CODES[String(thrown.details.reason)]) || 'unknown';
}

/** Runs an operation. If it fails with a typed error, throws the case of `error-code` that the guest gets. */
export function atOnce<T>(operation: () => T): T {
  try {
    return operation();
  } catch (thrown) {
    if (isVivariumError(thrown)) throw socketErrorOf(thrown);
    throw thrown;
  }
}

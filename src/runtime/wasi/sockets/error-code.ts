import { isVivariumError } from '#core/errors';

/** The cases of `wasi:sockets/network.error-code` that connections of ours come to. */
const CODES: Readonly<Record<string, string>> = {
  name: 'name-unresolvable',
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-reset',
  EPIPE: 'connection-aborted',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'remote-unreachable',
  ENETUNREACH: 'remote-unreachable',
};

/** What the guest is told of a failure. */
export function socketErrorOf(thrown: unknown): string {
  if (isVivariumError(thrown, 'SECURITY_PERMISSION_DENIED')) return 'access-denied';
  return (isVivariumError(thrown) && CODES[String(thrown.details.reason)]) || 'unknown';
}

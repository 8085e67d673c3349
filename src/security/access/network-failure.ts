import { messageOf } from '#core/errors';
import type { SocketAddress } from '#core/ports/network';
import { SecurityError } from '../errors.ts';

/** Makes the error of a failed socket, with the name that Node or the system gives to the reason. */
export function networkFailure({ address, port }: SocketAddress, cause: Error): SecurityError {
  const reason = 'code' in cause && typeof cause.code === 'string' ? cause.code : 'failed';
  const message = `the connection to ${address}:${port} failed: ${messageOf(cause)}`;
  return new SecurityError('SECURITY_NETWORK_FAILED', message, { cause, details: { reason } });
}

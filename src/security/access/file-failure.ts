import { shownText } from '#core/text';
import { SecurityError } from '../errors.ts';

/** A file operation that failed, told in the component's own paths: the host's are none of its business. */
export function fileFailure(reason: unknown, guestPath: string, why?: string): SecurityError {
  const code = reason instanceof Error && 'code' in reason ? reason.code : reason;
  const errno = typeof code === 'string' ? code : 'EIO';
  const shown = shownText(guestPath, 200);
  return new SecurityError('SECURITY_FILE_FAILED', `${shown} cannot be used: ${why ?? errno}`, {
    // Node's own message names the host's path.
    details: { errno, path: guestPath.slice(0, 200) },
  });
}

/** What the operation answers, or its failure as the component is told of it. @throws {SecurityError} `SECURITY_FILE_FAILED` */
export function attempt<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (cause) {
    throw fileFailure(cause, path);
  }
}

import { shownText } from '#core/text';
import { SecurityError } from '../errors.ts';

/**
 * Makes the error of a failed file operation. It uses the component's own paths, because the component must not learn
 * the host's.
 */
export function fileFailure(reason: unknown, guestPath: string, why?: string): SecurityError {
  const code = reason instanceof Error && 'code' in reason ? reason.code : reason;
  const errno = typeof code === 'string' ? code : 'EIO';
  const shown = shownText(guestPath, 200);
  return new SecurityError('SECURITY_FILE_FAILED', `${shown} cannot be used: ${why ?? errno}`, {
    // Node's own message names the host's path.
    details: { errno, path: guestPath.slice(0, 200) },
  });
}

/**
 * Runs an operation and converts its failure into an error for the component. @throws {SecurityError}
 * `SECURITY_FILE_FAILED`
 */
export function attempt<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (cause) {
    throw fileFailure(cause, path);
  }
}

import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  SECURITY_INVALID_GRANT: 'usage',
  SECURITY_PERMISSION_DENIED: 'refused',
  SECURITY_UNTRUSTED: 'refused',
  SECURITY_BAD_SIGNATURE: 'refused',
  SECURITY_KEY_NOT_FOUND: 'not-found',
  SECURITY_KEY_EXISTS: 'usage',
  SECURITY_KEY_INVALID: 'usage',
  SECURITY_UNSAFE_FILE: 'refused',
  SECURITY_STORE_FAILED: 'failed',
  SECURITY_INVALID_PREOPEN: 'usage',
  SECURITY_FILE_NOT_FOUND: 'not-found',
  SECURITY_FILE_FAILED: 'refused',
  SECURITY_NETWORK_FAILED: 'refused',
} as const satisfies Record<string, ErrorKind>;

export type SecurityErrorCode = keyof typeof KINDS;

/** Reports an action that was refused for lack of authority or trust, or that could not be decided safely. */
export class SecurityError extends VivariumError<SecurityErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}

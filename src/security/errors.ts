import { VivariumError } from '#core/errors';

export type SecurityErrorCode =
  | 'SECURITY_INVALID_GRANT'
  | 'SECURITY_PERMISSION_DENIED'
  | 'SECURITY_UNTRUSTED'
  | 'SECURITY_BAD_SIGNATURE'
  | 'SECURITY_KEY_NOT_FOUND'
  | 'SECURITY_KEY_EXISTS'
  | 'SECURITY_KEY_INVALID'
  | 'SECURITY_UNSAFE_FILE'
  | 'SECURITY_STORE_FAILED'
  | 'SECURITY_INVALID_PREOPEN'
  | 'SECURITY_FILE_NOT_FOUND'
  | 'SECURITY_FILE_FAILED'
  | 'SECURITY_NETWORK_FAILED';

/** Reports an action that was refused for lack of authority or trust, or that could not be decided safely. */
export class SecurityError extends VivariumError<SecurityErrorCode> {}

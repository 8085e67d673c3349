import { isVivariumError, messageOf } from '#core/errors';
import { SecurityError } from '../../errors.ts';

/** Why this side ended an exchange. */
export class Failure extends Error {
  readonly code: string;

  constructor(
    code: 'timeout' | 'too-large' | 'redirects' | 'invalid' | 'upgrade' | 'body' | 'ECONNRESET' | 'ETIMEDOUT',
    message: string,
  ) {
    super(message);
    this.code = code;
  }
}

/** What undici calls by names of its own, by the code that the same has with `node:http`. */
const NODE_CODES: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'ECONNRESET',
  UND_ERR_INFO: 'ECONNRESET',
  UND_ERR_DESTROYED: 'ECONNRESET',
  UND_ERR_HEADERS_OVERFLOW: 'HPE_HEADER_OVERFLOW',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'HPE_INVALID_CONTENT_LENGTH',
  UND_ERR_INVALID_ARG: 'invalid',
};

/** The error for a request that failed. @param cause a `Failure`, what Node or undici reports, or a denial, which is the error itself */
export function failed(url: URL, cause: unknown): SecurityError {
  if (isVivariumError(cause, 'SECURITY_PERMISSION_DENIED')) return cause as SecurityError;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const reason = typeof code === 'string' ? (NODE_CODES[code] ?? code) : 'failed';
  return new SecurityError('SECURITY_NETWORK_FAILED', `${url.origin} gave no answer: ${messageOf(cause)}`, {
    cause,
    details: { reason },
  });
}

import { isVivariumError } from '#core/errors';

/** `wasi:http/types.error-code`, as far as requests of ours come to. */
export interface HttpErrorCode {
  readonly tag: string;
  readonly val?: unknown;
}

/** By what Node or the system calls it, or by why the host ended the exchange. */
const CODES: Readonly<Record<string, HttpErrorCode>> = {
  timeout: { tag: 'HTTP-response-timeout' },
  'too-large': { tag: 'HTTP-response-body-size' },
  redirects: { tag: 'loop-detected' },
  invalid: { tag: 'HTTP-request-URI-invalid' },
  upgrade: { tag: 'HTTP-upgrade-failed' },
  name: { tag: 'DNS-error', val: {} },
  EAI_AGAIN: { tag: 'DNS-timeout' },
  ECONNREFUSED: { tag: 'connection-refused' },
  ECONNRESET: { tag: 'connection-terminated' },
  EPIPE: { tag: 'connection-terminated' },
  ETIMEDOUT: { tag: 'connection-timeout' },
  EHOSTUNREACH: { tag: 'destination-unavailable' },
  ENETUNREACH: { tag: 'destination-unavailable' },
  ERR_TLS_CERT_ALTNAME_INVALID: { tag: 'TLS-certificate-error' },
  CERT_HAS_EXPIRED: { tag: 'TLS-certificate-error' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { tag: 'TLS-certificate-error' },
  SELF_SIGNED_CERT_IN_CHAIN: { tag: 'TLS-certificate-error' },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { tag: 'TLS-certificate-error' },
  HPE_HEADER_OVERFLOW: { tag: 'HTTP-response-header-section-size' },
};

/** What a guest is told of a request that came to nothing. */
export function httpErrorOf(thrown: unknown): HttpErrorCode {
  if (isVivariumError(thrown, 'SECURITY_PERMISSION_DENIED')) return { tag: 'HTTP-request-denied' };
  const reason = isVivariumError(thrown) ? String(thrown.details.reason) : '';
  if (reason.startsWith('HPE_')) return CODES[reason] ?? { tag: 'HTTP-protocol-error' };
  // The text of an error may hold what the host knows and the guest may not.
  return CODES[reason] ?? { tag: 'internal-error' };
}

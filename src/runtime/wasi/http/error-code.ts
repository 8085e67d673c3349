import { isVivariumError } from '#core/errors';

/** A case of `wasi:http/types.error-code`; our requests use only some of them. */
export interface HttpErrorCode {
  readonly tag: string;
  readonly val?: unknown;
}

/** The cases by the error name of Node or the system, or by the reason for which the host ended the exchange. */
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

/** The case that a guest gets for a failed request. */
export function httpErrorOf(thrown: unknown): HttpErrorCode {
  if (isVivariumError(thrown, 'SECURITY_PERMISSION_DENIED')) return { tag: 'HTTP-request-denied' };
  if (isVivariumError(thrown, 'RUNTIME_LOOP_DETECTED')) return { tag: 'loop-detected' };
  const reason = isVivariumError(thrown) ? String(thrown.details.reason) : '';
  if (reason.startsWith('HPE_')) return CODES[reason] ?? { tag: 'HTTP-protocol-error' };
  // The case carries no text, because an error's text may hold what the guest must not learn.
  return CODES[reason] ?? { tag: 'internal-error' };
}

import { parseForeignJson, shownText } from '#core/text';
import { BundleError } from '../errors.ts';
import type { HttpResponse } from './http-client.ts';
import { parseRetryAfter, TransientError } from './retry.ts';

const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Whether a repeated request may get another answer than this status. */
export function isTransient(status: number): boolean {
  return TRANSIENT.has(status);
}

/**
 * Makes the error of an answer: OCI's own, and those of build-cache/v1.
 * @param body the registry's message without our secrets
 * @param now for a `Retry-After` with a date
 */
export function registryError(
  { status, headers, url }: Pick<HttpResponse, 'status' | 'headers' | 'url'>,
  body: string,
  what: string,
  now: number,
): BundleError {
  const { code, message } = firstError(body);
  const said = [code, message === undefined ? undefined : shownText(message)].filter((part) => part !== undefined);
  const text = `${what}: ${url.host} answers ${status}${said.length > 0 ? ` (${said.join(': ')})` : ''}`;
  const details = { status, ...(code !== undefined && { registryCode: code }) };
  if (TRANSIENT.has(status)) {
    const retryAfterMs = parseRetryAfter(headers['retry-after'], now);
    return new TransientError(`${text}; try later`, { details, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }
  if (status === 401 || status === 403) {
    return new BundleError('BUNDLE_UNAUTHORISED', `${text}; give a token that may do this`, { details });
  }
  if (code === 'BLOB_DIGEST_MISMATCH' || code === 'DIGEST_INVALID') {
    return new BundleError('BUNDLE_DIGEST_MISMATCH', `${text}; is it the right digest mode?`, { details });
  }
  if (status === 413 || code === 'BLOB_TOO_LARGE') return new BundleError('BUNDLE_TOO_LARGE', text, { details });
  if (status === 404) return new BundleError('BUNDLE_NOT_FOUND', text, { details });
  if (code === 'TAG_CONFLICT') {
    const message = `${text}; another push holds the tag, choose one or repeat`;
    return new BundleError('BUNDLE_TAG_MOVED', message, { details });
  }
  return new BundleError('BUNDLE_REGISTRY_REFUSED', text, { details });
}

/**
 * Removes our secrets from an error. Messages name the hosts to which a registry sends us, and a registry knows our
 * token. It could use the token as a host name to get it printed in a public log.
 */
export function redacted(error: unknown, redact: (text: string) => string): unknown {
  if (!(error instanceof BundleError)) return error;
  const message = redact(error.message);
  if (message === error.message) return error;
  const { details } = error;
  return error instanceof TransientError
    ? new TransientError(message, {
        details,
        ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
      })
    : new BundleError(error.code, message, { details });
}

/** Returns the blobs of a refused manifest that the registry does not have, as distribution's errors list them. */
export function unknownDigests(body: Uint8Array): ReadonlySet<string> | undefined {
  const found = new Set<string>();
  for (const error of errorsOf(new TextDecoder().decode(body))) {
    const { code, detail } = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
    if (code !== 'MANIFEST_BLOB_UNKNOWN' && code !== 'BLOB_UNKNOWN') continue;
    const digest = typeof detail === 'object' && detail !== null ? (detail as Record<string, unknown>).digest : detail;
    if (typeof digest === 'string') found.add(digest);
  }
  return found.size === 0 ? undefined : found;
}

export function mismatch(digest: string, what: string): BundleError {
  return new BundleError('BUNDLE_DIGEST_MISMATCH', `the blob ${digest} ${what}; the registry is damaged or hostile`, {
    details: { digest },
  });
}

function firstError(body: string): { readonly code?: string; readonly message?: string } {
  const [first] = errorsOf(body);
  if (typeof first !== 'object' || first === null) return {};
  const { code, message } = first as Record<string, unknown>;
  return {
    ...(typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code) && { code }),
    ...(typeof message === 'string' && { message }),
  };
}

function errorsOf(body: string): readonly unknown[] {
  try {
    const { errors } = parseForeignJson(body, { maxLength: 4 * 2 ** 20 }) as { errors?: unknown };
    return Array.isArray(errors) ? errors : [];
  } catch {
    return [];
  }
}

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#core/ports/clock';
import type { Authorize } from '../internal-routes.ts';
import { crossSite } from './cross-site.ts';
import { problem } from './problem.ts';

/** What a token permits. No scope includes another one. */
export const SCOPES = ['read', 'send', 'call', 'deploy'] as const;
export type Scope = (typeof SCOPES)[number];

/** A token as a configuration has it. */
export interface TokenSettings {
  readonly name: string;
  /** The SHA-256 of the token, as `sha256:` and 64 hex digits. A token has 256 random bits, so that a fast hash protects it. */
  readonly hash: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds since 1970, from which on the token is refused; undefined for a token that does not expire. */
  readonly expiresAt?: number | undefined;
}

const PREFIX = 'viv_';
const HASH = /^sha256:([0-9a-f]{64})$/;
/** The credentials of the scheme `Bearer`, RFC 6750, of at most the length that a token of ours has. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]{1,128}) *$/i;
/** The parameters of a URL by which clients send tokens. */
const IN_URL = ['access_token', 'token', 'authorization'];

/** Makes a token. The text is shown once and kept by its user; the hash is for the configuration. */
export function newToken(): { readonly token: string; readonly hash: string } {
  const token = `${PREFIX}${randomBytes(32).toString('base64url')}`;
  return { token, hash: `sha256:${hashOf(token).toString('hex')}` };
}

/** Whether a text is the hash of a token. */
export function isTokenHash(text: string): boolean {
  return HASH.test(text);
}

/**
 * Makes the guard of the routes that have a scope: it refuses requests without a valid token of that scope, and those that a page of
 * another site makes a browser send.
 * @param tokens returns the tokens that are valid now, so that a configuration that is read again takes effect
 */
export function authorizeBy(tokens: () => readonly TokenSettings[], clock: Pick<Clock, 'now'>): Authorize {
  return (request, scope) => {
    const refusal = crossSite(request);
    if (refusal !== undefined) return refusal;
    const { searchParams } = new URL(request.url);
    if (IN_URL.some((name) => searchParams.has(name))) {
      return problem(400, 'a URL is no place for a token, because logs keep it; send it in the header Authorization');
    }
    const presented = presentedBy(request);
    if (presented === undefined) return unauthorised('Bearer realm="vivarium"', 'a token is needed');
    const found = tokenOf(presented, tokens());
    const isExpired = found?.expiresAt !== undefined && found.expiresAt <= clock.now();
    if (found === undefined || isExpired) {
      return unauthorised('Bearer realm="vivarium", error="invalid_token"', 'the token is unknown or has expired');
    }
    if (found.scopes.some((own) => own === scope)) return undefined;
    const challenge = `Bearer realm="vivarium", error="insufficient_scope", scope="${scope}"`;
    return problem(403, `the token does not have the scope ${scope}`, { headers: { 'www-authenticate': challenge } });
  };
}

/** The name of the token that a request was permitted by; undefined if it is no longer configured. */
export function clientOf(request: Request, tokens: readonly TokenSettings[]): string | undefined {
  const presented = presentedBy(request);
  return presented === undefined ? undefined : tokenOf(presented, tokens)?.name;
}

function presentedBy(request: Request): string | undefined {
  return BEARER.exec(request.headers.get('authorization') ?? '')?.[1];
}

function tokenOf(presented: string, tokens: readonly TokenSettings[]): TokenSettings | undefined {
  const digest = hashOf(presented);
  let found: TokenSettings | undefined;
  // All tokens are compared, each in constant time, so that the time says nothing about any of them.
  for (const token of tokens) {
    const known = Buffer.from(HASH.exec(token.hash)?.[1] ?? '', 'hex');
    if (known.length === digest.length && timingSafeEqual(known, digest)) found = token;
  }
  return found;
}

function unauthorised(challenge: string, detail: string): Response {
  return problem(401, detail, { headers: { 'www-authenticate': challenge } });
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

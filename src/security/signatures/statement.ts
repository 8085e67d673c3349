import { createHash } from 'node:crypto';
import { shownText, shownValue } from '#core/text';
import type { Signer, TrustedKey } from '#security/signers';
import { SecurityError } from '../errors.ts';
import { field, parseJsonObject, parseTime, textField } from '../json.ts';
import { type Envelope, signEnvelope, type VerifyOptions, verifyEnvelope } from './dsse.ts';

/** What a signature states: these bytes, named by digest, are accepted as this kind of content. */
export interface Statement {
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** The kind of content. A signature over bytes of one kind is not valid for the same bytes used as another kind. */
  readonly mediaType: string;
  /** Milliseconds since 1970, as claimed by the signer. */
  readonly signedAt: number;
  /** When the signature stops being valid. */
  readonly expiresAt?: number | undefined;
}

export const STATEMENT_TYPE: string = 'application/vnd.vivarium.statement.v1+json';
export const COMPONENT_MEDIA_TYPE: string = 'application/wasm';

const KNOWN = new Set(['version', 'digest', 'mediaType', 'signedAt', 'expiresAt', 'critical']);
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Returns `sha256:` and the hex of the SHA-256 of `content`. */
export function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

export function signStatement(statement: Statement, signers: readonly Signer[]): Promise<Envelope> {
  return signEnvelope(STATEMENT_TYPE, encodeStatement(statement), signers);
}

/** Encodes a statement in the one form that we write. */
export function encodeStatement({ digest, mediaType, signedAt, expiresAt }: Statement): Uint8Array {
  const expiry =
    expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString(), critical: ['expiresAt'] };
  const fields = { version: 1, digest, mediaType, signedAt: new Date(signedAt).toISOString(), ...expiry };
  return Buffer.from(JSON.stringify(fields));
}

/**
 * Returns who vouches for the bytes of this digest as this kind of content.
 * @throws {SecurityError} `SECURITY_BAD_SIGNATURE` when the envelope is over something else, has a critical field that
 * we do not understand, or has expired; `SECURITY_UNTRUSTED` when no trusted key signed
 */
export async function verifyStatement(
  envelope: Envelope,
  wanted: Pick<Statement, 'digest' | 'mediaType'>,
  trust: Omit<VerifyOptions, 'payloadType'>,
): Promise<readonly TrustedKey[]> {
  const { payload, signers } = await verifyEnvelope(envelope, { ...trust, payloadType: STATEMENT_TYPE });
  const statement = parseStatement(payload);
  if (statement.digest !== wanted.digest) throw bad(`it is over ${statement.digest}, not over ${wanted.digest}`);
  if (statement.mediaType !== wanted.mediaType) {
    throw bad(`it is for ${shownText(statement.mediaType)}, not for ${wanted.mediaType}`);
  }
  if (statement.expiresAt !== undefined && trust.now >= statement.expiresAt) throw bad('it has expired');
  return signers;
}

/** Parses a signed statement. Unknown fields are ignored unless the signer marked them as critical. */
export function parseStatement(payload: Uint8Array): Statement {
  const object = parseJsonObject(Buffer.from(payload).toString('utf8'));
  if (object === undefined || field(object, 'version') !== 1) throw bad('its statement is not of version 1');
  const critical = field(object, 'critical') ?? [];
  if (!Array.isArray(critical)) throw bad('its list of critical fields is not a list');
  const unknown = critical.find((name) => typeof name !== 'string' || !KNOWN.has(name));
  if (unknown !== undefined) {
    throw bad(`field ${shownValue(unknown)} is marked critical, but this version does not know it`);
  }
  const digest = textField(object, 'digest');
  const mediaType = textField(object, 'mediaType');
  const signedAt = parseTime(field(object, 'signedAt'));
  const expiresAt = parseTime(field(object, 'expiresAt'));
  if (digest === undefined || !DIGEST.test(digest)) throw bad('its digest is not sha256: and 64 hex digits');
  if (mediaType === undefined || signedAt === undefined) throw bad('its statement lacks mediaType or signedAt');
  if (Object.hasOwn(object, 'expiresAt') && expiresAt === undefined) throw bad('its expiresAt cannot be read');
  return { digest, mediaType, signedAt, expiresAt };
}

function bad(why: string): SecurityError {
  return new SecurityError('SECURITY_BAD_SIGNATURE', `the signature is not valid for these bytes: ${why}`);
}

import { shownText } from '#core/text';
import { type KeyStatus, keyStatus, type Signer, type TrustedKey, type TrustedKeys } from '#security/signers';
import { SecurityError } from '../errors.ts';
import { field, parseJsonObject, textField } from '../json.ts';

/** A DSSE envelope (https://github.com/secure-systems-lab/dsse, version 1) with its base64 decoded. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly EnvelopeSignature[];
}

export interface EnvelopeSignature {
  /**
   * For our keys the SHA-256 of the SubjectPublicKeyInfo in hex. It is only a hint: the protocol leaves it to the
   * signer, the signature does not cover it, and others leave it out.
   */
  readonly keyId?: string | undefined;
  /** A signature of any algorithm and length. */
  readonly signature: Uint8Array;
}

/** The most bytes of an envelope that is read. */
export const MAX_ENVELOPE_BYTES: number = 256 * 1024;
/** The most signatures of an envelope. */
export const MAX_SIGNATURES = 32;
/** The most verifications, about 0.1 ms each, for signatures that do not name their keys. */
const MAX_VERIFICATIONS = 1_024;

export interface VerifyOptions {
  readonly keys: TrustedKeys;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The required type of the payload. A signature that was made for another purpose is not valid. */
  readonly payloadType: string;
}

/** An envelope's valid signatures: each by a different trusted, valid, unrevoked key. */
export interface VerifiedEnvelope {
  readonly payload: Uint8Array;
  /** At least one. */
  readonly signers: readonly TrustedKey[];
}

/** Signs `payload` with each signer. */
export async function signEnvelope(
  payloadType: string,
  payload: Uint8Array,
  signers: readonly Signer[],
): Promise<Envelope> {
  const signed = await preAuthEncoding(payloadType, payload);
  const signatures = signers.map((signer) => ({ keyId: signer.keyId, signature: signer.sign(signed) }));
  return { payloadType, payload, signatures };
}

/**
 * Returns the payload if a trusted key signed it. One valid signature is enough: those by unknown, expired or revoked
 * keys, those of other algorithms, wrong ones and second ones by the same key are ignored. When no signature that names
 * its key is valid, the other signatures are tried with every trusted key.
 * @throws {SecurityError} `SECURITY_BAD_SIGNATURE` when a trusted key's signature is not over this payload or the
 * payload is of another type; `SECURITY_UNTRUSTED` when no trusted key signed
 */
export async function verifyEnvelope(envelope: Envelope, options: VerifyOptions): Promise<VerifiedEnvelope> {
  if (envelope.payloadType !== options.payloadType) {
    throw bad(`its payload is ${shownText(envelope.payloadType)}, not ${options.payloadType}`);
  }
  const signed = await preAuthEncoding(envelope.payloadType, envelope.payload);
  const signers = new Map<string, TrustedKey>();
  const refused: string[] = [];
  let wrong = false;
  for (const { keyId, signature } of envelope.signatures) {
    if (keyId === undefined) continue;
    const key = await options.keys.find(keyId);
    const status: KeyStatus | 'unknown' = key === undefined ? 'unknown' : keyStatus(key, options.now);
    if (key === undefined || status !== 'valid') {
      refused.push(`${key?.name ?? `key ${shownText(keyId)}`}: ${status}`);
    } else if (key.publicKey.verify(signed, signature)) {
      signers.set(key.keyId, key);
    } else {
      wrong = true;
      refused.push(`${key.name}: signature over other bytes`);
    }
  }
  const nameless = envelope.signatures.filter(({ keyId }) => keyId === undefined);
  if (signers.size === 0 && nameless.length > 0) {
    for (const key of await signersOf(nameless, signed, options)) signers.set(key.keyId, key);
    refused.push(`${nameless.length} that name no key: by none that is trusted`);
  }
  if (signers.size > 0) return { payload: envelope.payload, signers: [...signers.values()] };
  const why = refused.length === 0 ? 'it has no signature' : refused.slice(0, 8).join(', ');
  if (wrong) throw bad(why);
  throw new SecurityError(
    'SECURITY_UNTRUSTED',
    `no trusted key signed this (${why}); if you trust the signer, add its public key with 'viv key import'`,
  );
}

/**
 * Returns the valid keys that made one of the signatures. Keys are tried in the order of their names until the
 * allowance is used up.
 */
async function signersOf(
  signatures: readonly EnvelopeSignature[],
  signed: Uint8Array,
  { keys, now }: VerifyOptions,
): Promise<readonly TrustedKey[]> {
  const valid = ((await keys.list?.()) ?? []).filter((key) => keyStatus(key, now) === 'valid');
  return valid
    .slice(0, Math.floor(MAX_VERIFICATIONS / signatures.length))
    .filter(({ publicKey }) => signatures.some(({ signature }) => publicKey.verify(signed, signature)));
}

/** Formats an envelope as JSON for a file. */
export function formatEnvelope(envelope: Envelope): string {
  return JSON.stringify({
    payloadType: envelope.payloadType,
    payload: Buffer.from(envelope.payload).toString('base64'),
    signatures: envelope.signatures.map(({ keyId, signature }) => ({
      ...(keyId === undefined ? {} : { keyid: keyId }),
      sig: Buffer.from(signature).toString('base64'),
    })),
  });
}

/** Parses an envelope from outside. @throws {SecurityError} `SECURITY_BAD_SIGNATURE` */
export function parseEnvelope(bytes: Uint8Array | string): Envelope {
  if (bytes.length > MAX_ENVELOPE_BYTES) throw bad(`the envelope is larger than ${MAX_ENVELOPE_BYTES} bytes`);
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8');
  const envelope = parseJsonObject(text);
  if (envelope === undefined) throw bad('the envelope is not a JSON object');
  const payloadType = textField(envelope, 'payloadType');
  const payload = decodeBase64(field(envelope, 'payload'));
  const list = field(envelope, 'signatures');
  if (payloadType === undefined || payload === undefined || !Array.isArray(list)) {
    throw bad('the envelope lacks payloadType, payload or signatures');
  }
  if (list.length > MAX_SIGNATURES) throw bad(`the envelope has more than ${MAX_SIGNATURES} signatures`);
  return { payloadType, payload, signatures: list.map(parseSignature) };
}

/** Parses one signature of any algorithm. Serialisers that cannot leave a field out write an empty key id, or null. */
function parseSignature(item: unknown): EnvelopeSignature {
  if (typeof item !== 'object' || item === null) throw bad('a signature of the envelope is not an object');
  const signature = decodeBase64(field(item, 'sig'));
  if (signature === undefined) throw bad('a signature of the envelope is not in base64');
  const keyId = field(item, 'keyid') ?? '';
  if (typeof keyId !== 'string') throw bad('a key id of the envelope is not a text');
  return keyId === '' ? { signature } : { keyId, signature };
}

/**
 * Decodes the standard or URL-safe alphabet, as DSSE allows, and rejects everything else, because Node skips unknown
 * characters.
 */
function decodeBase64(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) return undefined;
  const bytes = Buffer.from(value, 'base64');
  const canonical = bytes.toString('base64url');
  return value.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') === canonical ? bytes : undefined;
}

/** Imported on first use, because a machine's own artifacts start without it. */
async function preAuthEncoding(payloadType: string, payload: Uint8Array): Promise<Uint8Array> {
  const { dsse } = await import('@sigstore/core');
  return dsse.preAuthEncoding(payloadType, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength));
}

function bad(why: string): SecurityError {
  return new SecurityError('SECURITY_BAD_SIGNATURE', `the signature cannot be used: ${why}; sign the file again`);
}

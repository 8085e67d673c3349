import { createHash } from 'node:crypto';
import { messageOf } from '#core/errors';
import { readRegular, streamRegular } from '#files';
import type { Signer, TrustedKey } from '#security/signers';
import { SecurityError } from '../errors.ts';
import { hasCode, writeWhole } from '../private-file.ts';
import {
  type Envelope,
  formatEnvelope,
  MAX_ENVELOPE_BYTES,
  parseEnvelope,
  signEnvelope,
  type VerifyOptions,
} from './dsse.ts';
import { encodeStatement, parseStatement, STATEMENT_TYPE, type Statement, verifyStatement } from './statement.ts';

/** Returns the path of a file's signature, beside the file: `<name>.wasm.sig.json`. */
export function signaturePath(file: string): string {
  return `${file}.sig.json`;
}

/** Reads the signature beside a file, or returns undefined. @throws {SecurityError} `SECURITY_BAD_SIGNATURE` */
export async function readSignatureFile(file: string): Promise<Envelope | undefined> {
  const path = signaturePath(file);
  try {
    return parseEnvelope(await readRegular(path, MAX_ENVELOPE_BYTES, { links: 'follow' }));
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined;
    const why = messageOf(cause);
    throw new SecurityError('SECURITY_BAD_SIGNATURE', `cannot use ${path}: ${why}`, { cause, details: { path } });
  }
}

/**
 * Signs a file and writes the signature beside it. If others have already signed these bytes, the signature is added to
 * theirs under the same statement. A signature file over other bytes, or one that cannot be read, is replaced.
 */
export async function signFile(file: string, signer: Signer, terms: Omit<Statement, 'digest'>): Promise<Statement> {
  const statement: Statement = { ...terms, digest: await digestOfFile(file) };
  const joined = await joinable(file, statement);
  const payload = joined?.payload ?? encodeStatement(statement);
  const added = await signEnvelope(STATEMENT_TYPE, payload, [signer]);
  const others = (joined?.signatures ?? []).filter(({ keyId }) => keyId !== signer.keyId);
  const envelope = { ...added, signatures: [...others, ...added.signatures] };
  await writeWhole(signaturePath(file), `${formatEnvelope(envelope)}\n`, 'replace', 0o644);
  return parseStatement(payload);
}

/**
 * Returns who vouches for a file.
 * @throws {SecurityError} `SECURITY_UNTRUSTED` (no signature file, no trusted key), `SECURITY_BAD_SIGNATURE`
 */
export async function verifyFile(
  file: string,
  mediaType: string,
  trust: Omit<VerifyOptions, 'payloadType'>,
): Promise<{ readonly digest: string; readonly signers: readonly TrustedKey[] }> {
  const digest = await digestOfFile(file);
  const envelope = await readSignatureFile(file);
  if (envelope === undefined) {
    throw new SecurityError(
      'SECURITY_UNTRUSTED',
      `${file} is not signed: there is no ${signaturePath(file)}; sign it with 'viv sign', or get its signature from whoever made it`,
    );
  }
  return { digest, signers: await verifyStatement(envelope, { digest, mediaType }, trust) };
}

/**
 * Computes the digest of a file's bytes in a stream. @throws {SecurityError} `SECURITY_FILE_NOT_FOUND`,
 * `SECURITY_STORE_FAILED`
 */
async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of streamRegular(file, { links: 'follow' })) hash.update(chunk);
  } catch (cause) {
    const code = hasCode(cause, 'ENOENT') ? 'SECURITY_FILE_NOT_FOUND' : 'SECURITY_STORE_FAILED';
    throw new SecurityError(code, `cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
  return `sha256:${hash.digest('hex')}`;
}

/**
 * Returns the envelope if a signature can be added to it, because it contains exactly the statement that we would
 * write.
 */
async function joinable(file: string, wanted: Statement): Promise<Envelope | undefined> {
  try {
    const envelope = await readSignatureFile(file);
    if (envelope === undefined) return undefined;
    const old = parseStatement(envelope.payload);
    const same =
      old.digest === wanted.digest && old.mediaType === wanted.mediaType && old.expiresAt === wanted.expiresAt;
    return same && Buffer.from(encodeStatement(old)).equals(envelope.payload) ? envelope : undefined;
  } catch {
    return undefined;
  }
}

import type { ModuleRecord } from '#core/ports/registry';
import { shownText } from '#core/text';
import { type Envelope, formatEnvelope, MAX_SIGNATURES, parseEnvelope, signEnvelope } from '#security/signatures';
import type { Signer } from '#security/signers';
import { cosineOf } from './embedding.ts';
import { RegistryError } from './errors.ts';
import type { IndexBackend } from './index-backend.ts';
import { type ModuleTrust, revoked } from './module-trust.ts';
import { judgementOf, PUBLICATION_TYPE, publicationOf, type SignedFields, VERIFICATION_TYPE } from './statement.ts';

export interface SigningParts {
  readonly index: Pick<IndexBackend, 'get' | 'resign'>;
  readonly trust: ModuleTrust;
  readonly signer: Signer;
  readonly verifier: Signer;
}

/** How often signing starts again because somebody else has changed the record meanwhile. */
const ATTEMPTS = 8;
/** Vectors of one text by one embedder are at least this similar, whatever machine computed them. */
const LEAST_SIMILARITY = 0.999;

/**
 * Adds our signatures to an existing module beside those of others: the publisher's and, if it is verified, the
 * verifier's. The module's description stays as it was signed.
 * @throws {RegistryError} `REGISTRY_REVOKED`, `REGISTRY_UNTRUSTED`, `REGISTRY_BAD_SIGNATURE` (its row was edited),
 * `REGISTRY_BUSY`, `REGISTRY_NOT_FOUND`, `REGISTRY_UNAVAILABLE`
 */
export async function signAgain(parts: SigningParts, { id }: ModuleRecord, wanted: Uint8Array): Promise<ModuleRecord> {
  const { index, trust, signer, verifier } = parts;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const record = await index.get(id);
    if (record === undefined) throw new RegistryError('REGISTRY_NOT_FOUND', `module ${id} was evicted meanwhile`);
    if (record.status === 'revoked') throw revoked(record);
    // Somebody with write access to the index could replace the record after our check.
    if (Buffer.compare(publicationOf(record), wanted) !== 0) throw edited(record);
    const signature = await joined(record, record.signature, PUBLICATION_TYPE, wanted, signer);
    const verification =
      record.status === 'verified'
        ? await joined(record, record.verification, VERIFICATION_TYPE, judgementOf(record), verifier)
        : undefined;
    const next: ModuleRecord = { ...record, signature, keyId: signer.keyId, verification };
    await trust.checkVerifier(next, verifier);
    if (await index.resign(id, { from: record, signature, keyId: signer.keyId, verification })) return next;
  }
  throw new RegistryError('REGISTRY_BUSY', `others sign module ${id} at the same time; sign it again in a moment`);
}

/**
 * Compares a publisher's description of a module with the existing one before it is signed again. The first publisher
 * may have lost its key to somebody who described the bytes wrongly.
 * @throws {RegistryError} `REGISTRY_INVALID_METADATA`
 */
export function checkSameModule(standing: ModuleRecord, wanted: SignedFields): void {
  const differing = (
    ['name', 'version', 'description', 'supersedes', 'size', 'interfaceHash', 'requiresHash'] as const
  ).find((field) => standing[field] !== wanted[field]);
  const what = differing ?? (isSameMeaning(standing, wanted) ? undefined : 'embedding');
  if (what === undefined) return;
  const said = what === 'embedding' ? 'one of another meaning' : shownText(String(standing[what]));
  throw new RegistryError(
    'REGISTRY_INVALID_METADATA',
    `the same bytes stand in the registry as module ${standing.id}, by a key that does not count here, and its ${what} is ${said}; publish them as they stand, or sign them as they stand with 'viv registry sign ${standing.id}'`,
  );
}

function isSameMeaning(standing: ModuleRecord, wanted: SignedFields): boolean {
  if (standing.embedding === undefined) return true;
  if (wanted.embedding?.length !== standing.embedding.length || wanted.embedderId !== standing.embedderId) return false;
  return cosineOf(standing.embedding, wanted.embedding) >= LEAST_SIMILARITY;
}

/** Returns the envelope with our signature in it. It replaces an older signature of ours. */
async function joined(
  record: ModuleRecord,
  text: string | undefined,
  payloadType: string,
  payload: Uint8Array,
  signer: Signer,
): Promise<string> {
  const old = readEnvelope(record, text);
  if (old.payloadType !== payloadType || Buffer.compare(old.payload, payload) !== 0) throw edited(record);
  const others = old.signatures.filter(({ keyId }) => keyId !== signer.keyId);
  if (others.length >= MAX_SIGNATURES) {
    throw new RegistryError('REGISTRY_BAD_SIGNATURE', `module ${record.id} has ${others.length} signatures already`);
  }
  const ours = await signEnvelope(payloadType, payload, [signer]);
  return formatEnvelope({ ...ours, signatures: [...others, ...ours.signatures] });
}

function readEnvelope(record: ModuleRecord, text: string | undefined): Envelope {
  try {
    if (text !== undefined) return parseEnvelope(text);
  } catch (cause) {
    throw edited(record, cause);
  }
  throw edited(record);
}

function edited({ id }: ModuleRecord, cause?: unknown): RegistryError {
  return new RegistryError(
    'REGISTRY_BAD_SIGNATURE',
    `the row of module ${id} does not say what was signed, so it is not signed again; it was edited: find out who wrote it`,
    { cause },
  );
}

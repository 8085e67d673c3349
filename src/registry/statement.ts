import type { ModuleRecord } from '#core/ports/registry';
import { digestOf, formatEnvelope, signEnvelope } from '#security/signatures';
import type { Signer } from '#security/signers';
import { embeddingDigest } from './embedding.ts';

/** All fields of a record that its publisher signs. */
export type SignedFields = Omit<
  ModuleRecord,
  'status' | 'signature' | 'keyId' | 'verification' | 'revocation' | 'lastUsedAt' | 'useCount'
>;

/** DSSE payload types. A signature that was made for one purpose is not valid for another. */
export const PUBLICATION_TYPE: string = 'application/vnd.vivarium.module.v1+json';
export const VERIFICATION_TYPE: string = 'application/vnd.vivarium.module-verification.v1+json';
export const REVOCATION_TYPE: string = 'application/vnd.vivarium.module-revocation.v1+json';

/**
 * Encodes what the publisher signs in the one form in which it is written. A reader encodes its own record again and
 * compares, so no field of the record can differ from what was signed.
 */
export function publicationOf(record: SignedFields): Uint8Array {
  const { embedding } = record;
  return Buffer.from(
    JSON.stringify({
      version: 1,
      id: record.id,
      digest: record.storagePointer,
      size: record.size,
      interfaceHash: record.interfaceHash,
      requiresHash: record.requiresHash,
      requires: record.requires,
      name: record.name,
      moduleVersion: record.version,
      description: record.description,
      supersedes: record.supersedes,
      embedderId: record.embedderId,
      embeddingDigest: embedding === undefined ? undefined : embeddingDigest(embedding),
      createdAt: record.createdAt,
    }),
  );
}

/** Encodes what whoever verifies or revokes a module signs: which module it is, and what its publisher signed. */
export function judgementOf(record: SignedFields): Uint8Array {
  return Buffer.from(JSON.stringify({ version: 1, id: record.id, publication: digestOf(publicationOf(record)) }));
}

/** Signs a publication or judgement, and returns the envelope's JSON. */
export async function signed(payloadType: string, payload: Uint8Array, signer: Signer): Promise<string> {
  return formatEnvelope(await signEnvelope(payloadType, payload, [signer]));
}

import { type Envelope, formatEnvelope, MAX_ENVELOPE_BYTES, parseEnvelope } from '#security/signatures';
import { type Signer, type TrustedKey, trustedKeysOf } from '#security/signers';
import { type DigestMode, digestsOf, wireDigest } from '../digest.ts';
import { BundleError, type BundleErrorCode } from '../errors.ts';
import { type BundleTrust, judge, untrusted } from '../signature.ts';
import { type Descriptor, descriptorOf, invalidManifest, MANIFEST_TYPE, parseManifestJson } from './manifest.ts';
import { addReferrer, listReferrers } from './referrers.ts';
import type { RegistryClient } from './registry-client.ts';
import { mismatch } from './registry-error.ts';

/** The artifact type of a manifest that contains a signature and refers to the bundle's manifest. */
const SIGNATURE_TYPE = 'application/vnd.vivarium.build-cache.signature.v1';
const ENVELOPE_TYPE = 'application/vnd.dsse.envelope.v1+json';
/** The type of an empty config (image specification 1.1). */
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
const EMPTY = Buffer.from('{}');
/** The most bytes of a signature's manifest. It has one layer; ours have about 800 bytes. */
const MAX_SIGNATURE_MANIFEST = 64 * 2 ** 10;
const REASONS = 8;

/** The data of a bundle in a registry to which a signature refers. */
export interface SignedBundle {
  /** The manifest's digest, as the registry names it. */
  readonly digest: string;
  readonly digestMode: DigestMode;
  /** The SHA-256 of the lockfile's bytes. */
  readonly lockfileDigest: string;
}

/** An envelope over a lockfile that is to be pushed. */
export interface NewSignature {
  readonly signer: Signer;
  /** The envelope's JSON. */
  readonly envelope: string;
  /** When it was made, in milliseconds since 1970. */
  readonly now: number;
}

/** A valid signature. */
export interface CountingSignature {
  readonly signers: readonly TrustedKey[];
  /** The envelope's JSON. */
  readonly envelope: string;
}

/**
 * Returns the signature of a bundle by a trusted key. One is enough. Signatures by other keys, damaged ones, and
 * referrers that point elsewhere are ignored.
 *
 * @throws {BundleError} `BUNDLE_UNTRUSTED` with what was wrong with the existing signatures, and as `RegistryClient`
 */
export async function requireSignature(
  client: RegistryClient,
  bundle: SignedBundle,
  trust: BundleTrust,
): Promise<CountingSignature> {
  const found = await findSignature(client, bundle, trust);
  if ('signers' in found) return found;
  throw untrusted(`the manifest ${bundle.digest} of ${client.repository.name}`, found.refused);
}

/**
 * Adds an envelope to a bundle in a registry, unless it already has the signer's signature of this lockfile. @returns
 * whether it was added
 */
export async function addSignature(
  client: RegistryClient,
  bundle: SignedBundle & { readonly manifest: Uint8Array },
  { signer, envelope, now }: NewSignature,
  dryRun: boolean,
): Promise<boolean> {
  const { keyId, publicKey } = signer;
  const own = trustedKeysOf([{ keyId, publicKey, name: 'own', addedAt: now }]);
  if ('signers' in (await findSignature(client, bundle, { keys: own, now }))) return false;
  if (dryRun) return true;
  const [config, layer] = [EMPTY, Buffer.from(envelope)];
  const described = async (mediaType: string, bytes: Uint8Array): Promise<Descriptor> => {
    return { mediaType, digest: wireDigest(await digestsOf(bytes), bundle.digestMode), size: bytes.length };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: SIGNATURE_TYPE,
    config: { ...(await described(EMPTY_TYPE, config)), data: config.toString('base64') },
    layers: [await described(ENVELOPE_TYPE, layer)],
    subject: { mediaType: MANIFEST_TYPE, digest: bundle.digest, size: bundle.manifest.length },
  };
  for (const blob of [config, layer]) {
    const { digest, size } = await described('', blob);
    if (!(await client.hasBlob(digest))) await client.putBlob(digest, size, blob);
  }
  const bytes = Buffer.from(JSON.stringify(manifest));
  const descriptor = { ...(await described(MANIFEST_TYPE, bytes)), artifactType: SIGNATURE_TYPE };
  await addReferrer(client, bundle.digest, { bytes, descriptor });
  return true;
}

async function findSignature(
  client: RegistryClient,
  bundle: SignedBundle,
  trust: BundleTrust,
): Promise<CountingSignature | { readonly refused: readonly string[] }> {
  const { found, cut } = await listReferrers(client, bundle.digest, SIGNATURE_TYPE);
  const refused: string[] = [];
  for (const descriptor of found) {
    let envelope: Envelope | undefined;
    const read = async () => {
      envelope = await readEnvelope(client, descriptor, bundle);
      return envelope;
    };
    const judgement = await passingOver(() => judge(read, bundle.lockfileDigest, trust));
    if (judgement !== undefined && 'signers' in judgement && envelope !== undefined) {
      return { signers: judgement.signers, envelope: formatEnvelope(envelope) };
    }
    if (judgement !== undefined && 'refused' in judgement && refused.length < REASONS) refused.push(judgement.refused);
  }
  if (found.length === 0) refused.push('it has no signature');
  if (cut) refused.push(`only the first ${found.length} of what refers to it were checked`);
  return { refused };
}

/** Errors that anybody who can write to the repository can cause. They must not hide a valid signature. */
const DAMAGED: readonly BundleErrorCode[] = [
  'BUNDLE_INVALID_MANIFEST',
  'BUNDLE_DIGEST_MISMATCH',
  'BUNDLE_CHUNK_MISSING',
  'BUNDLE_NOT_FOUND',
  'BUNDLE_TOO_LARGE',
];

async function passingOver<Result>(task: () => Promise<Result>): Promise<Result | { readonly refused: string }> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof BundleError && DAMAGED.includes(error.code)) return { refused: error.message };
    throw error;
  }
}

async function readEnvelope(client: RegistryClient, { digest }: Descriptor, bundle: SignedBundle): Promise<Envelope> {
  const manifest = await client.getManifest(digest, { limit: MAX_SIGNATURE_MANIFEST });
  if (manifest === undefined) throw mismatch(digest, 'is listed but does not exist');
  await check(manifest, digest, bundle.digestMode);
  const { subject, layers } = parseManifestJson(manifest);
  if (descriptorOf(subject, MANIFEST_TYPE).digest !== bundle.digest) {
    throw invalidManifest(`${digest} is listed as a signature but refers to another manifest`);
  }
  const [layer, ...others] = Array.isArray(layers) ? layers : [];
  const { digest: place, size } = descriptorOf(layer, ENVELOPE_TYPE);
  if (others.length > 0 || size > MAX_ENVELOPE_BYTES)
    throw invalidManifest(`${digest} does not hold exactly one envelope`);
  const envelope = await client.getBlob(place, size);
  await check(envelope, place, bundle.digestMode);
  return parseEnvelope(envelope);
}

async function check(bytes: Uint8Array, digest: string, mode: DigestMode): Promise<void> {
  if (wireDigest(await digestsOf(bytes), mode) !== digest)
    throw mismatch(digest, 'has other bytes than its digest says');
}

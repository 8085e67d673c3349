import { type DigestMode, type Digests, digestsOf, wireDigest } from '../digest.ts';
import { BundleError } from '../errors.ts';
import { decodeLockfile, MAX_LOCKFILE_BYTES } from '../lockfile/decode.ts';
import { checkProducer } from '../lockfile/lockfile-file.ts';
import { checkLockfile, type Lockfile } from '../lockfile/model.ts';
import { checkManifest, type Layer, parseManifest } from './manifest.ts';
import type { RegistryClient } from './registry-client.ts';
import { mismatch } from './registry-error.ts';
import { DIGEST } from './repository.ts';

/** A bundle in a registry, of which everything but the chunks was read and agrees. */
export interface RemoteBundle {
  readonly lockfile: Lockfile;
  readonly digest: string;
  readonly digestMode: DigestMode;
  /** Each chunk once, by its BLAKE3. */
  readonly layers: ReadonlyMap<string, Layer>;
  readonly bytes: number;
}

/**
 * Reads a bundle's manifest, once, and its lockfile by the digest that the manifest gives: a tag that moves meanwhile
 * changes nothing.
 *
 * @throws {BundleError} `BUNDLE_NOT_FOUND`, `BUNDLE_INVALID_MANIFEST`, `BUNDLE_DIGEST_MISMATCH`,
 * `BUNDLE_WRONG_PRODUCER`, and as `checkLockfile` and `RegistryClient`
 */
export async function openRemote(client: RegistryClient, reference: string, producer?: string): Promise<RemoteBundle> {
  const bytes = await client.getManifest(reference);
  if (bytes === undefined) {
    const where = `${client.repository.registry.host}/${client.repository.name}:${reference}`;
    throw new BundleError('BUNDLE_NOT_FOUND', `there is no bundle at ${where}; push it first, or see to scope and tag`);
  }
  const digests = await digestsOf(bytes);
  if (DIGEST.test(reference) && modeOf(digests, reference) === undefined) {
    throw mismatch(reference, 'is not the manifest that the registry gave for it');
  }
  const manifest = parseManifest(bytes);
  if (manifest.config.size > MAX_LOCKFILE_BYTES) {
    throw new BundleError(
      'BUNDLE_TOO_LARGE',
      `a lockfile of ${manifest.config.size} bytes; at most ${MAX_LOCKFILE_BYTES} are read`,
    );
  }
  const config = await client.getBlob(manifest.config.digest, manifest.config.size);
  const digestMode = modeOf(await digestsOf(config), manifest.config.digest);
  if (digestMode === undefined) throw mismatch(manifest.config.digest, 'has other bytes than its digest says');
  const lockfile = await checkLockfile(decodeLockfile(config));
  checkProducer(lockfile, producer);
  checkManifest(manifest, lockfile, digestMode);
  const layers = new Map(lockfile.sources.map(({ chunkHash }, index) => [chunkHash, manifest.layers[index] as Layer]));
  const total = layers.values().reduce((sum, { size }) => sum + size, 0);
  return { lockfile, digest: wireDigest(digests, digestMode), digestMode, layers, bytes: total };
}

/** A digest says which of the two it is by the bytes that it names. */
function modeOf(digests: Digests, digest: string): DigestMode | undefined {
  return (['sha256', 'build-cache/v1'] as const).find((mode) => wireDigest(digests, mode) === digest);
}

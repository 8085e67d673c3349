import { shownPath } from '#core/text';
import { type DigestMode, type Digests, digestsOf, wireDigest } from '../digest.ts';
import { BundleError } from '../errors.ts';
import { decodeLockfile, MAX_LOCKFILE_BYTES } from '../lockfile/decode.ts';
import { checkProducer } from '../lockfile/lockfile-file.ts';
import { checkLockfile, type Lockfile, rootIsRight, settlePaths } from '../lockfile/model.ts';
import { type Part, planParts } from './layer-plan.ts';
import { parseManifest } from './manifest.ts';
import type { RegistryClient } from './registry-client.ts';
import { mismatch } from './registry-error.ts';
import { DIGEST } from './repository.ts';

/** A bundle in a registry. Everything except its chunks was read and is consistent. */
export interface RemoteBundle {
  readonly lockfile: Lockfile;
  /** `false` when the producer has its own rule for the root. */
  readonly rootChecked: boolean;
  readonly digest: string;
  readonly digestMode: DigestMode;
  /** The SHA-256 of the lockfile's bytes. */
  readonly lockfileDigest: string;
  /** Each blob with chunks, once. */
  readonly parts: readonly Part[];
  readonly bytes: number;
}

/**
 * Reads a bundle's manifest once, and its lockfile by the digest in the manifest, so that a tag that moves meanwhile
 * has no effect.
 *
 * @throws {BundleError} `BUNDLE_NOT_FOUND`, `BUNDLE_INVALID_MANIFEST`, `BUNDLE_DIGEST_MISMATCH`,
 * `BUNDLE_WRONG_PRODUCER`, and as `checkLockfile` and `RegistryClient`
 */
export async function openRemote(client: RegistryClient, reference: string, producer?: string): Promise<RemoteBundle> {
  const bytes = await client.getManifest(reference);
  if (bytes === undefined) {
    const where = `${client.repository.registry.host}/${client.repository.name}:${reference}`;
    throw new BundleError(
      'BUNDLE_NOT_FOUND',
      `there is no bundle at ${where}; push it first, or correct scope and tag`,
    );
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
  const configDigests = await digestsOf(config);
  const digestMode = modeOf(configDigests, manifest.config.digest);
  if (digestMode === undefined) throw mismatch(manifest.config.digest, 'has other bytes than its digest says');
  const lockfile = await checkLockfile(settlePaths(decodeLockfile(config)));
  checkProducer(lockfile, producer);
  const parts = planParts(manifest, lockfile, digestMode);
  const total = parts.reduce((sum, { size }) => sum + size, 0);
  const rootChecked = await rootIsRight(lockfile);
  return {
    lockfile,
    rootChecked,
    digest: wireDigest(digests, digestMode),
    digestMode,
    lockfileDigest: wireDigest(configDigests, 'sha256'),
    parts,
    bytes: total,
  };
}

/** Finds out which of the two modes a digest follows, from the bytes that it names. */
function modeOf(digests: Digests, digest: string): DigestMode | undefined {
  return (['sha256', 'build-cache/v1'] as const).find((mode) => wireDigest(digests, mode) === digest);
}

/** Makes the error for chunks in `wanted` that no layer contains. */
export function unnamed({ sources }: Lockfile, wanted: ReadonlySet<string>): BundleError {
  const lost = sources.find(({ chunkHash }) => wanted.has(chunkHash));
  return new BundleError(
    'BUNDLE_CHUNK_MISSING',
    `none of the manifest's layers is the chunk of ${shownPath(lost?.path ?? 'a source')}; push the bundle again`,
    { details: { chunk: lost?.chunkHash } },
  );
}

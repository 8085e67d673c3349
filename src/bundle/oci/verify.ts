import { type Random, shownPath } from '#core';
import { type DigestMode, type Digests, digesting, wireDigest } from '../digest.ts';
import { BundleError } from '../errors.ts';
import type { OnProgress } from '../progress.ts';
import { inParallel } from './in-parallel.ts';
import type { Layer } from './manifest.ts';
import type { RegistryClient } from './registry-client.ts';
import { mismatch } from './registry-error.ts';
import { openRemote } from './remote-bundle.ts';

export interface RemoteVerifyOptions {
  readonly reference: string;
  readonly producer?: string;
  readonly random: Pick<Random, 'fraction'>;
  /** Reads every chunk, not only a sample. */
  readonly full?: boolean;
  readonly onProgress?: OnProgress;
}

export interface RemoteVerifyReport {
  readonly producer: string;
  readonly repository: string;
  readonly digest: string;
  readonly digestMode: DigestMode;
  readonly root: string;
  readonly chunks: number;
  readonly bytes: number;
  /** How many chunks were read and hashed; of the others only the existence is known. */
  readonly checked: number;
}

const SAMPLE = 16;

/**
 * Probes a bundle in a registry and restores nothing: manifest and lockfile are read and compared, every chunk is asked
 * for, a sample of them (or all) is read and hashed.
 *
 * @throws {BundleError} `BUNDLE_NOT_FOUND` (absent), `BUNDLE_CHUNK_MISSING`, `BUNDLE_DIGEST_MISMATCH` (damaged),
 * `BUNDLE_UNREACHABLE`, `BUNDLE_UNAUTHORISED`, and as `openRemote`
 */
export async function verifyRemote(client: RegistryClient, options: RemoteVerifyOptions): Promise<RemoteVerifyReport> {
  const { reference, producer, full = false, random, onProgress } = options;
  const { lockfile, digest, digestMode, layers, bytes } = await openRemote(client, reference, producer);
  const chosen = full ? new Set(layers.keys()) : sample([...layers.keys()], random);
  let chunks = 0;
  let bytesRead = 0;
  await inParallel(layers, client.concurrency, async ([hash, layer]) => {
    if (chosen.has(hash)) {
      await checkBlob(client, hash, layer, digestMode);
      bytesRead += layer.size;
    } else if (!(await client.hasBlob(layer.digest))) throw missing(layer);
    chunks++;
    onProgress?.({ step: 'check', chunks, totalChunks: layers.size, bytes: bytesRead });
  });
  return {
    producer: lockfile.meta.producer,
    repository: client.repository.name,
    digest,
    digestMode,
    root: lockfile.root,
    chunks: layers.size,
    bytes,
    checked: chosen.size,
  };
}

async function checkBlob(client: RegistryClient, hash: string, layer: Layer, mode: DigestMode): Promise<void> {
  let found: Digests | undefined;
  const pieces = digesting(client.readBlob(layer.digest, layer.size), (digests) => {
    found = digests;
  });
  for await (const _ of pieces);
  if (found === undefined || wireDigest(found, mode) !== layer.digest || found.blake3 !== hash) {
    throw mismatch(layer.digest, 'has other bytes than its digest says');
  }
}

function sample(hashes: readonly string[], random: Pick<Random, 'fraction'>): ReadonlySet<string> {
  if (hashes.length <= SAMPLE) return new Set(hashes);
  const left = [...hashes];
  const draw = () => left.splice(Math.floor(random.fraction() * left.length), 1)[0] as string;
  return new Set(Array.from({ length: SAMPLE }, draw));
}

function missing({ digest, path }: Layer): BundleError {
  const message = `the registry has no chunk of ${shownPath(path)}; push the bundle again`;
  return new BundleError('BUNDLE_CHUNK_MISSING', message, { details: { digest } });
}

import type { Random } from '#core/ports/random';
import { shownPath } from '#core/text';
import { blake3 } from '../blake3.ts';
import { type DigestMode, type Digests, digesting, digestsOf, wireDigest } from '../digest.ts';
import { BundleError } from '../errors.ts';
import type { OnProgress } from '../progress.ts';
import { decodePack, MAX_PACK_BYTES, tooLargePack } from './chunk-pack.ts';
import { inParallel } from './in-parallel.ts';
import type { Part } from './layer-plan.ts';
import type { RegistryClient } from './registry-client.ts';
import { mismatch } from './registry-error.ts';
import { openRemote, unnamed } from './remote-bundle.ts';

export interface RemoteVerifyOptions {
  readonly reference: string;
  readonly producer?: string;
  readonly random: Pick<Random, 'fraction'>;
  /** Reads every chunk instead of a sample. */
  readonly full?: boolean;
  readonly onProgress?: OnProgress;
}

export interface RemoteVerifyReport {
  readonly producer: string;
  readonly repository: string;
  readonly digest: string;
  readonly digestMode: DigestMode;
  readonly root: string;
  /** Whether the root was checked. Some producers have their own rule, which is unknown here. */
  readonly rootChecked: boolean;
  readonly chunks: number;
  readonly bytes: number;
  /** The number of chunks that were read and hashed. Of the others only the existence is known. */
  readonly checked: number;
}

const SAMPLE = 16;

/**
 * Checks a bundle in a registry without restoring anything: manifest and lockfile are read and compared, every chunk is
 * looked up, and a sample of them (or all) is read and hashed.
 *
 * @throws {BundleError} `BUNDLE_NOT_FOUND` (absent), `BUNDLE_CHUNK_MISSING`, `BUNDLE_DIGEST_MISMATCH` (damaged),
 * `BUNDLE_UNREACHABLE`, `BUNDLE_UNAUTHORISED`, and as `openRemote`
 */
export async function verifyRemote(client: RegistryClient, options: RemoteVerifyOptions): Promise<RemoteVerifyReport> {
  const { reference, producer, full = false, random, onProgress } = options;
  const { lockfile, digest, digestMode, parts, bytes, rootChecked } = await openRemote(client, reference, producer);
  // When nothing says which chunk a blob contains, only its bytes can tell.
  const isKnown = ({ chunk, pack }: Part) => chunk !== undefined || (pack !== undefined && pack.length > 0);
  const known = parts.filter(isKnown);
  const bare = parts.filter((part) => !isKnown(part));
  const chosen = new Set(full ? parts : [...sample(known, random), ...bare]);
  const wanted = new Set(lockfile.sources.map(({ chunkHash }) => chunkHash));
  let chunks = 0;
  let bytesRead = 0;
  await inParallel(parts, client.concurrency, async (part) => {
    if (chosen.has(part)) {
      for (const hash of await checkBlob(client, part, digestMode)) wanted.delete(hash);
      bytesRead += part.size;
    } else {
      if (!(await client.hasBlob(part.digest))) throw missing(part);
      for (const hash of part.pack ?? [part.chunk as string]) wanted.delete(hash);
    }
    chunks++;
    onProgress?.({ step: 'check', chunks, totalChunks: parts.length, bytes: bytesRead });
  });
  if (wanted.size > 0) throw unnamed(lockfile, wanted);
  return {
    producer: lockfile.meta.producer,
    repository: client.repository.name,
    digest,
    digestMode,
    root: lockfile.root,
    rootChecked,
    chunks: parts.length,
    bytes,
    checked: chosen.size,
  };
}

/** @returns the hashes of the blob's chunks */
async function checkBlob(client: RegistryClient, part: Part, mode: DigestMode): Promise<readonly string[]> {
  const { digest, size, chunk, pack } = part;
  if (pack !== undefined) return checkPack(client, part, mode);
  let found: Digests | undefined;
  const pieces = digesting(client.readBlob(digest, size), (digests) => {
    found = digests;
  });
  for await (const _ of pieces);
  if (found === undefined || wireDigest(found, mode) !== digest || (chunk ?? found.blake3) !== found.blake3) {
    throw mismatch(digest, 'has other bytes than its digest says');
  }
  return [found.blake3];
}

async function checkPack(client: RegistryClient, { digest, size }: Part, mode: DigestMode): Promise<readonly string[]> {
  if (size > MAX_PACK_BYTES) throw tooLargePack(size);
  const bytes = await client.getBlob(digest, size);
  if (wireDigest(await digestsOf(bytes), mode) !== digest)
    throw mismatch(digest, 'has other bytes than its digest says');
  const hashes: string[] = [];
  for (const { hash, content } of decodePack(bytes, digest)) {
    if ((await blake3(content)) !== hash) throw mismatch(digest, 'holds a chunk that is not what it says');
    hashes.push(hash);
  }
  return hashes;
}

function sample(parts: readonly Part[], random: Pick<Random, 'fraction'>): readonly Part[] {
  if (parts.length <= SAMPLE) return parts;
  const left = [...parts];
  const draw = () => left.splice(Math.floor(random.fraction() * left.length), 1)[0] as Part;
  return Array.from({ length: SAMPLE }, draw);
}

function missing({ digest, path }: Part): BundleError {
  const message = `the registry has no chunk of ${shownPath(path ?? 'a source')}; push the bundle again`;
  return new BundleError('BUNDLE_CHUNK_MISSING', message, { details: { digest } });
}

import type { Clock } from '#core/ports/clock';
import { shownPath } from '#core/text';
import type { TrustedKey, TrustedKeys } from '#security/signers';
import { ChunkStore } from '../chunks/chunk-store.ts';
import { ChunkWriter } from '../chunks/chunk-writer.ts';
import type { DigestMode } from '../digest.ts';
import { BundleError } from '../errors.ts';
import type { Lockfile } from '../lockfile/model.ts';
import type { OnProgress } from '../progress.ts';
import { fetchPart } from './fetch-part.ts';
import { inParallel } from './in-parallel.ts';
import type { Part } from './layer-plan.ts';
import { digestChunk } from './local-chunks.ts';
import type { RegistryClient } from './registry-client.ts';
import { openRemote, unnamed } from './remote-bundle.ts';
import { requireSignature } from './signatures.ts';
import { Staging } from './staging.ts';

export interface RemotePullOptions {
  /** A tag or a digest. */
  readonly reference: string;
  readonly producer?: string;
  readonly clock: Pick<Clock, 'now'>;
  /** The most bytes of one chunk. Default 2 GiB. */
  readonly maxChunkBytes?: number;
  /** The keys whose signatures are valid. A bundle that none of them signed is refused before any chunk is fetched. */
  readonly trust?: TrustedKeys;
  readonly onProgress?: OnProgress;
}

export interface RemotePullReport {
  readonly lockfile: Lockfile;
  readonly repository: string;
  readonly digest: string;
  readonly digestMode: DigestMode;
  readonly chunks: number;
  /** The number of chunks that had to be fetched; the others existed already. */
  readonly fetched: number;
  readonly bytesFetched: number;
  /** The trusted keys that signed, if signatures were required. */
  readonly signers?: readonly TrustedKey[];
}

/**
 * Fetches a bundle into a folder. Every byte is checked against the manifest's digest and the lockfile's BLAKE3, and
 * nothing appears in the folder before all of it was right. After a failure, fetched chunks are kept for the next
 * attempt.
 *
 * @throws {BundleError} as `openRemote`; `BUNDLE_CHUNK_MISSING`, `BUNDLE_CHUNK_CORRUPT`, `BUNDLE_TOO_LARGE`,
 * `BUNDLE_STORAGE_FAILED`, `BUNDLE_UNTRUSTED`
 */
export async function pullRemote(
  client: RegistryClient,
  folder: string,
  { reference, producer, clock, maxChunkBytes = 2 * 2 ** 30, trust, onProgress }: RemotePullOptions,
): Promise<RemotePullReport> {
  const remote = await openRemote(client, reference, producer);
  const { lockfile, digest, digestMode, parts, bytes: totalBytes } = remote;
  const signature = trust && (await requireSignature(client, remote, { keys: trust, now: clock.now() }));
  for (const { size, path } of parts) {
    if (size <= maxChunkBytes) continue;
    throw new BundleError(
      'BUNDLE_TOO_LARGE',
      `the chunk of ${shownPath(path ?? 'a source')} has ${size} bytes; at most ${maxChunkBytes} are fetched`,
    );
  }
  const staging = Staging.open(folder, clock);
  const stores = [new ChunkStore(folder), new ChunkStore(staging.folder)];
  // A flush takes as long for one chunk as for many. Chunks that a killed pull had not flushed are taken over below.
  const writer = new ChunkWriter(staging.folder, { maxPending: 1_024 });
  const sum = { chunks: 0, bytes: 0, fetched: 0, bytesFetched: 0 };
  try {
    const wanted = new Set(lockfile.sources.map(({ chunkHash }) => chunkHash));
    await staging.handOver(writer);
    const digests = await digestsHere(stores, parts, lockfile);
    await inParallel(parts, client.concurrency, async (part) => {
      const known = part.chunk ?? digests.get(part.digest);
      const hashes = known === undefined ? (part.pack ?? []) : [known];
      if (hashes.length > 0 && (await areHere(writer, stores, hashes))) {
        for (const hash of hashes) wanted.delete(hash);
      } else if (wanted.size > 0) {
        const fetched = await fetchPart(client, writer, part, wanted);
        for (const hash of fetched) wanted.delete(hash);
        sum.fetched += fetched.length;
        sum.bytesFetched += part.size;
      }
      sum.chunks++;
      sum.bytes += part.size;
      onProgress?.({ step: 'fetch', chunks: sum.chunks, totalChunks: parts.length, bytes: sum.bytes, totalBytes });
    });
    if (wanted.size > 0) throw unnamed(lockfile, wanted);
    await writer.flush();
    await staging.commit(lockfile, signature?.envelope);
  } catch (error) {
    // Keep complete chunks for the next attempt, as far as the disk still accepts them.
    await writer.flush().catch(() => undefined);
    await writer.abandon();
    throw error;
  } finally {
    staging.release();
  }
  const { fetched, bytesFetched } = sum;
  return {
    lockfile,
    repository: client.repository.name,
    digest,
    digestMode,
    chunks: new Set(lockfile.sources.map(({ chunkHash }) => chunkHash)).size,
    fetched,
    bytesFetched,
    ...(signature && { signers: signature.signers }),
  };
}

async function areHere(
  writer: ChunkWriter,
  stores: readonly ChunkStore[],
  hashes: readonly string[],
): Promise<boolean> {
  for (const hash of hashes) if (!writer.holds(hash) && !(await isHere(stores, hash))) return false;
  return true;
}

async function isHere(stores: readonly ChunkStore[], hash: string): Promise<boolean> {
  for (const store of stores) {
    if (!store.has(hash)) continue;
    // Do not silently repair a chunk with wrong bytes, because its disk or somebody changed it.
    if ((await store.check(hash)) === 'right') return true;
    await store.read(hash);
  }
  return false;
}

/**
 * Returns the chunks that exist here by the digests of blobs whose chunks only the bytes can tell. The chunks are read
 * only if there are such blobs.
 */
async function digestsHere(
  stores: readonly ChunkStore[],
  parts: readonly Part[],
  { sources }: Lockfile,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  if (parts.every(({ chunk, pack }) => chunk !== undefined || pack !== undefined)) return found;
  for (const { chunkHash } of sources) {
    const store = stores.find((each) => each.has(chunkHash));
    if (store === undefined) continue;
    const { sha256 } = await digestChunk(store, chunkHash);
    found.set(`sha256:${sha256}`, chunkHash);
  }
  return found;
}

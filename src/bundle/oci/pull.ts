import { createHash } from 'node:crypto';
import { type Clock, shownPath } from '#core';
import { ChunkStore } from '../chunks/chunk-store.ts';
import { ChunkWriter } from '../chunks/chunk-writer.ts';
import type { DigestMode } from '../digest.ts';
import { BundleError } from '../errors.ts';
import type { Lockfile } from '../lockfile/model.ts';
import type { OnProgress } from '../progress.ts';
import { inParallel } from './in-parallel.ts';
import type { Layer } from './manifest.ts';
import type { RegistryClient } from './registry-client.ts';
import { mismatch } from './registry-error.ts';
import { openRemote } from './remote-bundle.ts';
import { Staging } from './staging.ts';

export interface RemotePullOptions {
  /** A tag or a digest. */
  readonly reference: string;
  readonly producer?: string;
  readonly clock: Pick<Clock, 'now'>;
  /** Most bytes of one chunk. Default 2 GiB. */
  readonly maxChunkBytes?: number;
  readonly onProgress?: OnProgress;
}

export interface RemotePullReport {
  readonly lockfile: Lockfile;
  readonly repository: string;
  readonly digest: string;
  readonly digestMode: DigestMode;
  readonly chunks: number;
  /** Chunks that had to be fetched; the others were there already. */
  readonly fetched: number;
  readonly bytesFetched: number;
}

/** Up to this a chunk is held in memory while it is checked. */
const SMALL = 4 * 2 ** 20;

/**
 * Fetches a bundle into a folder. Every byte is checked by the manifest's digest and by the lockfile's BLAKE3, and
 * nothing shows in the folder until all of it was right. After a failure, what came stays for the next attempt.
 *
 * @throws {BundleError} as `openRemote`; `BUNDLE_CHUNK_MISSING`, `BUNDLE_CHUNK_CORRUPT`, `BUNDLE_TOO_LARGE`, `BUNDLE_STORAGE_FAILED`
 */
export async function pullRemote(
  client: RegistryClient,
  folder: string,
  { reference, producer, clock, maxChunkBytes = 2 * 2 ** 30, onProgress }: RemotePullOptions,
): Promise<RemotePullReport> {
  const { lockfile, digest, digestMode, layers, bytes: totalBytes } = await openRemote(client, reference, producer);
  for (const { size, path } of layers.values()) {
    if (size <= maxChunkBytes) continue;
    throw new BundleError(
      'BUNDLE_TOO_LARGE',
      `the chunk of ${shownPath(path)} has ${size} bytes; at most ${maxChunkBytes} are fetched`,
    );
  }
  const staging = Staging.open(folder, clock);
  const stores = [new ChunkStore(folder), new ChunkStore(staging.folder)];
  // What a killed pull had flushed need not be fetched again.
  const writer = new ChunkWriter(staging.folder, { maxPending: 1_024 });
  const sum = { chunks: 0, bytes: 0, fetched: 0, bytesFetched: 0 };
  try {
    await inParallel(layers, client.concurrency, async ([hash, layer]) => {
      if (!(await isHere(stores, hash))) {
        await fetchChunk(client, writer, hash, layer);
        sum.fetched++;
        sum.bytesFetched += layer.size;
      }
      sum.chunks++;
      sum.bytes += layer.size;
      onProgress?.({ step: 'fetch', chunks: sum.chunks, totalChunks: layers.size, bytes: sum.bytes, totalBytes });
    });
    await writer.flush();
    await staging.commit(lockfile);
  } catch (error) {
    // What came complete is kept for the next attempt, as far as the disk still takes it.
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
    chunks: layers.size,
    fetched,
    bytesFetched,
  };
}

async function isHere(stores: readonly ChunkStore[], hash: string): Promise<boolean> {
  for (const store of stores) {
    if (!store.has(hash)) continue;
    // A chunk that is there and wrong is not repaired in silence: its disk, or someone, changed it.
    if ((await store.check(hash)) === 'right') return true;
    await store.read(hash);
  }
  return false;
}

async function fetchChunk(client: RegistryClient, writer: ChunkWriter, hash: string, layer: Layer): Promise<void> {
  const { digest, size } = layer;
  if (size <= SMALL) {
    const bytes = await client.getBlob(digest, size);
    checkDigest(createHash('sha256').update(bytes).digest('hex'), digest, hash);
    await writer.put(bytes, hash);
    return;
  }
  const sha256 = createHash('sha256');
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of client.readBlob(digest, size)) {
      sha256.update(piece);
      yield piece;
    }
    checkDigest(sha256.digest('hex'), digest, hash);
  };
  await writer.putStream(pieces(), { hash, limit: size });
}

/** In build-cache/v1 the digest is the BLAKE3, which is checked as the chunk is written. */
function checkDigest(sha256: string, digest: string, hash: string): void {
  if (digest === `sha256:${sha256}` || digest === `sha256:${hash}`) return;
  throw mismatch(digest, 'has other bytes than its digest says');
}

import { chunkPath } from '../chunks/chunk-path.ts';
import { ChunkStore } from '../chunks/chunk-store.ts';
import { type Digests, digesting, digestsOf } from '../digest.ts';
import type { Lockfile } from '../lockfile/model.ts';
import type { BlobContent } from './blob-upload.ts';

/** Chunks up to this size are read at once, larger ones in pieces. */
const SMALL = 4 * 2 ** 20;

/** Computes the digests of every chunk of a lockfile by its BLAKE3. Each chunk is read and checked once. */
export async function digestChunks(
  lockfile: Lockfile,
  folder: string,
  tell: (digests: Digests) => void,
): Promise<ReadonlyMap<string, Digests>> {
  const store = new ChunkStore(folder);
  const found = new Map<string, Digests>();
  for (const { chunkHash } of lockfile.sources) {
    if (found.has(chunkHash)) continue;
    const digests = await digestChunk(store, chunkHash);
    found.set(chunkHash, digests);
    tell(digests);
  }
  return found;
}

/** @throws {BundleError} as `ChunkStore.stream` */
export async function digestChunk(store: ChunkStore, hash: string): Promise<Digests> {
  const size = store.size(hash);
  if (size !== undefined && size <= SMALL) return digestsOf(await store.read(hash, { limit: SMALL }));
  let digests: Digests | undefined;
  for await (const _ of digesting(store.stream(hash), (told) => {
    digests = told;
  }));
  return digests as Digests;
}

/** Returns what is sent for a chunk: its bytes, checked again, or its file if it is large. */
export async function chunkContent(folder: string, hash: string, bytes: number): Promise<BlobContent> {
  if (bytes > SMALL) return { file: chunkPath(folder, hash) };
  return new ChunkStore(folder).read(hash, { limit: SMALL });
}

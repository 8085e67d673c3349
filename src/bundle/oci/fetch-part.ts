import { createHash } from 'node:crypto';
import { blake3 } from '../blake3.ts';
import type { ChunkWriter } from '../chunks/chunk-writer.ts';
import type { Part } from './layer-plan.ts';
import type { RegistryClient } from './registry-client.ts';
import { mismatch } from './registry-error.ts';

/** Up to this a chunk is held in memory while it is checked. */
const SMALL = 4 * 2 ** 20;

/**
 * Fetches a blob and writes the chunk that it is. Its bytes must have the digest of the manifest, and the BLAKE3 of the
 * lockfile where it is known which chunk this should be.
 *
 * @param wanted of a blob of which nothing is known, only these chunks are kept.
 * @returns the chunk's hash, or `undefined` if the blob is none that is wanted
 * @throws {BundleError} `BUNDLE_DIGEST_MISMATCH`, `BUNDLE_CHUNK_CORRUPT`, and as `RegistryClient.readBlob`
 */
export async function fetchPart(
  client: RegistryClient,
  writer: ChunkWriter,
  { digest, size, chunk }: Part,
  wanted: ReadonlySet<string>,
): Promise<string | undefined> {
  if (size <= SMALL) {
    const bytes = await client.getBlob(digest, size);
    checkDigest(createHash('sha256').update(bytes).digest('hex'), digest, chunk);
    if (chunk === undefined && !wanted.has(await blake3(bytes))) return undefined;
    return (await writer.put(bytes, chunk)).hash;
  }
  const sha256 = createHash('sha256');
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of client.readBlob(digest, size)) {
      sha256.update(piece);
      yield piece;
    }
    checkDigest(sha256.digest('hex'), digest, chunk);
  };
  const expected = chunk === undefined ? undefined : { hash: chunk, limit: size };
  return (await writer.putStream(pieces(), expected)).hash;
}

/** In build-cache/v1 the digest is the BLAKE3, which is checked as the chunk is written. */
function checkDigest(sha256: string, digest: string, chunk: string | undefined): void {
  if (digest === `sha256:${sha256}` || digest === `sha256:${chunk}`) return;
  throw mismatch(digest, 'has other bytes than its digest says');
}

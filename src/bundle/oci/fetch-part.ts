import { createHash } from 'node:crypto';
import { blake3 } from '../blake3.ts';
import type { ChunkWriter } from '../chunks/chunk-writer.ts';
import { decodePack, MAX_PACK_BYTES, tooLargePack } from './chunk-pack.ts';
import type { Part } from './layer-plan.ts';
import type { RegistryClient } from './registry-client.ts';
import { mismatch } from './registry-error.ts';

/** A chunk up to this size is held in memory while it is checked. */
const SMALL = 4 * 2 ** 20;

/**
 * Fetches a blob and writes its chunk. The bytes must have the digest of the manifest, and the BLAKE3 of the lockfile
 * if it is known which chunk this should be.
 *
 * @param wanted the chunks to keep from a pack, or from a blob of unknown contents
 * @returns the hashes of the chunks that were written
 * @throws {BundleError} `BUNDLE_DIGEST_MISMATCH`, `BUNDLE_CHUNK_CORRUPT`, and as `RegistryClient.readBlob`
 */
export async function fetchPart(
  client: RegistryClient,
  writer: ChunkWriter,
  { digest, size, chunk, pack }: Part,
  wanted: ReadonlySet<string>,
): Promise<readonly string[]> {
  if (pack !== undefined) return fetchPack(client, writer, { digest, size }, wanted);
  if (size <= SMALL) {
    const bytes = await client.getBlob(digest, size);
    checkDigest(createHash('sha256').update(bytes).digest('hex'), digest, chunk);
    if (chunk === undefined && !wanted.has(await blake3(bytes))) return [];
    return [(await writer.put(bytes, chunk)).hash];
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
  return [(await writer.putStream(pieces(), expected)).hash];
}

async function fetchPack(
  client: RegistryClient,
  writer: ChunkWriter,
  { digest, size }: Pick<Part, 'digest' | 'size'>,
  wanted: ReadonlySet<string>,
): Promise<readonly string[]> {
  if (size > MAX_PACK_BYTES) throw tooLargePack(size);
  const pack = await client.getBlob(digest, size);
  checkDigest(createHash('sha256').update(pack).digest('hex'), digest, await blake3(pack));
  const written: string[] = [];
  for (const { hash, content } of decodePack(pack, digest)) {
    if (!wanted.has(hash)) continue;
    await writer.put(content, hash);
    written.push(hash);
  }
  return written;
}

/** Checks the SHA-256. In build-cache/v1 the digest is the BLAKE3, which is checked when the chunk is written. */
function checkDigest(sha256: string, digest: string, chunk: string | undefined): void {
  if (digest === `sha256:${sha256}` || digest === `sha256:${chunk}`) return;
  throw mismatch(digest, 'has other bytes than its digest says');
}

import { BundleError } from '../errors.ts';
import { mismatch } from './registry-error.ts';

/**
 * Many small chunks as one blob, for bundles of more sources than a manifest has room for:
 *
 * ```
 * VIVPACK1                      eight bytes
 * count                         32 bits, big-endian
 * count times: BLAKE3, length   32 bytes, and 32 bits big-endian
 * the chunks, one after another
 * ```
 */
export const PACK_TYPE = 'application/vnd.vivarium.build-cache.pack.v1';

const MAGIC = Buffer.from('VIVPACK1');
const ENTRY = 36;
/** A larger pack is not read, because packs are held in memory. */
export const MAX_PACK_BYTES: number = 64 * 2 ** 20;
/** A chunk of at least this size gets a blob of its own. */
const LARGE = 256 * 2 ** 10;
const FULL_BYTES = 4 * 2 ** 20;
const FULL_CHUNKS = 4_096;

export interface PackedChunk {
  readonly hash: string;
  readonly bytes: number;
}

/**
 * Groups chunks into packs by their own hashes. Where a pack ends depends only on nearby chunks, so a change of one
 * source changes only one or two packs, and the registry already has the others.
 *
 * @returns packs, and chunks that are too large for a pack as lists of one
 */
export function planPacks<Chunk extends PackedChunk>(chunks: Iterable<Chunk>): readonly (readonly Chunk[])[] {
  const packs: Chunk[][] = [];
  let open: Chunk[] = [];
  let bytes = 0;
  const close = () => {
    if (open.length > 0) packs.push(open);
    open = [];
    bytes = 0;
  };
  for (const chunk of chunks) {
    if (chunk.bytes >= LARGE) {
      packs.push([chunk]);
      continue;
    }
    open.push(chunk);
    bytes += chunk.bytes;
    // By the first byte of its hash, one chunk in 256 ends a pack.
    if (chunk.hash.startsWith('00') || bytes >= FULL_BYTES || open.length >= FULL_CHUNKS) close();
  }
  close();
  return packs;
}

export function encodePack(chunks: readonly { readonly hash: string; readonly content: Uint8Array }[]): Buffer {
  const head = Buffer.alloc(MAGIC.length + 4 + chunks.length * ENTRY);
  MAGIC.copy(head);
  head.writeUInt32BE(chunks.length, MAGIC.length);
  for (const [index, { hash, content }] of chunks.entries()) {
    const at = MAGIC.length + 4 + index * ENTRY;
    head.write(hash, at, 32, 'hex');
    head.writeUInt32BE(content.length, at + 32);
  }
  return Buffer.concat([head, ...chunks.map(({ content }) => content)]);
}

/**
 * Decodes the chunks of a pack; the caller checks their hashes.
 * @throws {BundleError} `BUNDLE_DIGEST_MISMATCH` for bytes that are not a pack
 */
export function* decodePack(
  pack: Buffer,
  digest: string,
): Generator<{ readonly hash: string; readonly content: Buffer }> {
  const start = MAGIC.length + 4;
  if (pack.length < start || !pack.subarray(0, MAGIC.length).equals(MAGIC))
    throw mismatch(digest, 'is not a pack of chunks');
  const count = pack.readUInt32BE(MAGIC.length);
  let at = start + count * ENTRY;
  if (at > pack.length) throw mismatch(digest, 'is a pack that ends too early');
  for (let entry = start; entry < start + count * ENTRY; entry += ENTRY) {
    const end = at + pack.readUInt32BE(entry + 32);
    if (end > pack.length) throw mismatch(digest, 'is a pack that ends too early');
    yield { hash: pack.toString('hex', entry, entry + 32), content: pack.subarray(at, end) };
    at = end;
  }
  if (at !== pack.length) throw mismatch(digest, 'is a pack that continues after its chunks');
}

export function tooLargePack(bytes: number): BundleError {
  return new BundleError('BUNDLE_TOO_LARGE', `a pack of ${bytes} bytes; at most ${MAX_PACK_BYTES} are fetched`);
}

import { createHash, hash as hashOnce } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isVivariumError } from '#core/errors';
import { streamRegular } from '#files';
import { blake3, openBlake3 } from '../blake3.ts';
import { BundleError } from '../errors.ts';
import { storageFailed, systemCode } from '../storage-errors.ts';
import { ChunkBatch, temporaryPath } from './chunk-batch.ts';
import { ChunkStore, corrupt } from './chunk-store.ts';
import { syncFolders } from './durable.ts';

/** The number of chunks that wait for one flush of the disk. */
const MAX_PENDING = 16_384;
const MAX_PENDING_BYTES = 128 * 2 ** 20;

export interface WrittenChunk {
  readonly hash: string;
  readonly bytes: number;
  /** Whether the chunk is new. */
  readonly added: boolean;
  /** The SHA-256, if the writer was asked for it. */
  readonly sha256?: string;
}

export interface ExpectedChunk {
  readonly hash: string;
  /** The most bytes that are accepted. */
  readonly limit: number;
}

export interface ChunkWriterOptions {
  /** Computes each chunk's SHA-256 too, which a registry needs. */
  readonly withSha256?: boolean;
  /** The most chunks that are lost when the process is killed. Default 16,384. */
  readonly maxPending?: number;
}

/**
 * Adds chunks to a bundle's folder. Each chunk is written to a temporary place, flushed to the disk and renamed, so
 * that other processes see all of it or nothing, and several may write to the same folder at once. Flushes cover many
 * chunks at a time. `flush` completes the last one and must come before anything names the chunks.
 */
export class ChunkWriter {
  readonly #store: ChunkStore;
  readonly #objects: string;
  readonly #withSha256: boolean;
  readonly #maxPending: number;
  /** The chunks that this writer has put. */
  readonly #put = new Set<string>();
  /** The contents of each two-digit folder at its first use, so that one call serves all its chunks. */
  readonly #listed = new Map<string, ReadonlySet<string>>();
  readonly #unflushed = new Set<string>();
  readonly #isNew: boolean;
  #batch: ChunkBatch;
  #flushing: Promise<void> = Promise.resolve();

  constructor(folder: string, { withSha256 = false, maxPending = MAX_PENDING }: ChunkWriterOptions = {}) {
    this.#withSha256 = withSha256;
    this.#maxPending = maxPending;
    this.#store = new ChunkStore(folder);
    this.#objects = join(folder, 'objects');
    this.#batch = new ChunkBatch(this.#objects);
    try {
      this.#isNew = mkdirSync(this.#objects, { recursive: true }) !== undefined;
    } catch (cause) {
      throw storageFailed(`making ${folder}`, cause);
    }
  }

  /**
   * @param expected the hash that the bytes must have; without it, the hash is computed and returned
   * @throws {BundleError} `BUNDLE_CHUNK_CORRUPT` if other content has this name, or the bytes have another hash
   */
  async put(bytes: Uint8Array, expected?: string): Promise<WrittenChunk> {
    const hash = await blake3(bytes);
    if (expected !== undefined && expected !== hash) throw corrupt(expected);
    const written = {
      hash,
      bytes: bytes.length,
      ...(this.#withSha256 && { sha256: hashOnce('sha256', bytes, 'hex') }),
    };
    if ((this.#mayBeThere(hash) && (await this.#isThere(hash, bytes))) || this.#put.has(hash)) {
      return { ...written, added: false };
    }
    try {
      this.#batch.write(hash, bytes);
    } catch (cause) {
      throw storageFailed(`writing chunk ${hash}`, cause);
    }
    await this.#added(hash);
    return { ...written, added: true };
  }

  /** Does the same as `put` for content that does not fit into memory. */
  async putStream(
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected?: ExpectedChunk,
  ): Promise<WrittenChunk> {
    const temporary = temporaryPath(this.#objects);
    const hasher = await openBlake3();
    const sha256 = this.#withSha256 ? createHash('sha256') : undefined;
    let bytes = 0;
    try {
      const file = await open(temporary, 'wx');
      try {
        for await (const piece of pieces) {
          bytes += piece.length;
          if (expected !== undefined && bytes > expected.limit) throw tooLong(expected);
          hasher.update(piece);
          sha256?.update(piece);
          await file.writeFile(piece);
        }
      } finally {
        await file.close();
      }
      const hash = hasher.digest();
      if (expected !== undefined && expected.hash !== hash) throw corrupt(expected.hash);
      const written = { hash, bytes, ...(sha256 !== undefined && { sha256: sha256.digest('hex') }) };
      if ((this.#mayBeThere(hash) && (await this.#isThere(hash))) || this.#put.has(hash)) {
        await rm(temporary, { force: true });
        return { ...written, added: false };
      }
      this.#batch.adopt(hash, temporary, bytes);
      await this.#added(hash);
      return { ...written, added: true };
    } catch (cause) {
      await rm(temporary, { force: true });
      throw storageFailed('writing a chunk', cause);
    }
  }

  /** Whether this writer has put the chunk, even if it is not visible yet. */
  holds(hash: string): boolean {
    return this.#put.has(hash);
  }

  /**
   * Takes over a file that another writer had written and not flushed before it was killed. A file with incomplete
   * bytes stays where it is.
   */
  async takeOver(file: string, hash: string): Promise<boolean> {
    const hasher = await openBlake3();
    let bytes = 0;
    try {
      for await (const piece of streamRegular(file, { links: 'refuse' })) {
        hasher.update(piece);
        bytes += piece.length;
      }
    } catch {
      return false;
    }
    if (hasher.digest() !== hash || this.#put.has(hash) || this.#store.has(hash)) return false;
    try {
      this.#batch.adopt(hash, file, bytes);
    } catch (cause) {
      throw storageFailed(`taking over chunk ${hash}`, cause);
    }
    await this.#added(hash);
    return true;
  }

  /** Makes everything that was put visible and durable. */
  async flush(): Promise<void> {
    await this.#publish();
    try {
      await syncFolders(this.#store.folder, [...this.#unflushed]);
    } catch (cause) {
      throw storageFailed(`flushing ${this.#store.folder}`, cause);
    }
    this.#unflushed.clear();
  }

  /** Removes what was not flushed. */
  async abandon(): Promise<void> {
    await this.#flushing.catch(() => undefined);
    this.#batch.remove();
  }

  #mayBeThere(hash: string): boolean {
    if (this.#isNew) return false;
    const shard = hash.slice(0, 2);
    let names = this.#listed.get(shard);
    if (names === undefined) {
      names = new Set(namesIn(join(this.#objects, shard)));
      this.#listed.set(shard, names);
    }
    return names.has(hash.slice(2));
  }

  /** @param bytes bytes with this hash, if the caller has them */
  async #isThere(hash: string, bytes?: Uint8Array): Promise<boolean> {
    if (bytes !== undefined) return this.#store.holds(hash, bytes);
    try {
      for await (const _ of this.#store.stream(hash));
      return true;
    } catch (error) {
      if (isVivariumError(error, 'BUNDLE_CHUNK_MISSING')) return false;
      throw error;
    }
  }

  async #added(hash: string): Promise<void> {
    this.#put.add(hash);
    if (this.#batch.size >= this.#maxPending || this.#batch.bytes >= MAX_PENDING_BYTES) await this.#publish();
  }

  /** Flushes and renames the waiting chunks. Only one flush runs at a time; chunks put meanwhile wait for the next. */
  async #publish(): Promise<void> {
    const before = this.#flushing;
    const batch = this.#batch;
    if (batch.size > 0) {
      this.#batch = new ChunkBatch(this.#objects);
      this.#flushing = (async () => {
        await before.catch(() => undefined);
        try {
          for (const folder of await batch.publish()) this.#unflushed.add(folder);
        } catch (cause) {
          batch.remove();
          throw storageFailed(`flushing chunks to ${this.#store.folder}`, cause);
        }
      })();
    }
    await this.#flushing;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(cause) ?? '')) return [];
    throw storageFailed(`reading ${folder}`, cause);
  }
}

function tooLong({ hash, limit }: ExpectedChunk): BundleError {
  return new BundleError(
    'BUNDLE_CHUNK_CORRUPT',
    `chunk ${hash} is longer than its ${limit} bytes; nothing of it was kept`,
    {
      details: { chunk: hash },
    },
  );
}

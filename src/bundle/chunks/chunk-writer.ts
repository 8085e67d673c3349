import { createHash, hash as hashOnce, randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { blake3, openBlake3 } from '../blake3.ts';
import { BundleError } from '../errors.ts';
import { storageFailed } from '../storage-errors.ts';
import { chunkPath } from './chunk-path.ts';
import { ChunkStore, corrupt } from './chunk-store.ts';
import { syncFiles, syncFolders } from './durable.ts';

/** How much waits for one flush of the disk. */
const MAX_PENDING = 1024;
const MAX_PENDING_BYTES = 128 * 2 ** 20;

export interface WrittenChunk {
  readonly hash: string;
  readonly bytes: number;
  /** Whether it was not there before. */
  readonly added: boolean;
  /** Where the writer was asked for it. */
  readonly sha256?: string;
}

export interface ExpectedChunk {
  readonly hash: string;
  /** Most bytes that will be taken. */
  readonly limit: number;
}

/**
 * Adds chunks to a bundle's folder. Each is written under a name of its own, flushed to the disk and renamed, so that
 * other processes see all of it or nothing, and several may write the same folder at once. Flushes are made for many
 * chunks together; `flush` ends the last one and must come before anything names the chunks.
 */
export class ChunkWriter {
  readonly #store: ChunkStore;
  readonly #pending = new Map<string, string>();
  readonly #folders = new Set<string>();
  readonly #withSha256: boolean;
  #pendingBytes = 0;
  #flushing: Promise<void> = Promise.resolve();

  /** @param withSha256 tells each chunk's SHA-256 too, which a registry will want. */
  constructor(folder: string, { withSha256 = false } = {}) {
    this.#withSha256 = withSha256;
    this.#store = new ChunkStore(folder);
    try {
      mkdirSync(join(folder, 'objects'), { recursive: true });
    } catch (cause) {
      throw storageFailed(`making ${folder}`, cause);
    }
  }

  /**
   * @param expected what the bytes must hash to; without it, their hash is told.
   * @throws {BundleError} `BUNDLE_CHUNK_CORRUPT` if another content lies under its name, or it is not the expected one
   */
  async put(bytes: Uint8Array, expected?: string): Promise<WrittenChunk> {
    const hash = await blake3(bytes);
    if (expected !== undefined && expected !== hash) throw corrupt(expected);
    const written = {
      hash,
      bytes: bytes.length,
      ...(this.#withSha256 && { sha256: hashOnce('sha256', bytes, 'hex') }),
    };
    if (await this.#isThere(hash, bytes)) return { ...written, added: false };
    const temporary = this.#temporary();
    try {
      const file = openSync(temporary, 'wx');
      try {
        writeFileSync(file, bytes);
      } finally {
        closeSync(file);
      }
    } catch (cause) {
      rmSync(temporary, { force: true });
      throw storageFailed(`writing chunk ${hash}`, cause);
    }
    await this.#add(hash, temporary, bytes.length);
    return { ...written, added: true };
  }

  /** As `put`, for content that does not fit into memory. */
  async putStream(
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected?: ExpectedChunk,
  ): Promise<WrittenChunk> {
    const temporary = this.#temporary();
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
      if (await this.#isThere(hash)) {
        await rm(temporary, { force: true });
        return { ...written, added: false };
      }
      await this.#add(hash, temporary, bytes);
      return { ...written, added: true };
    } catch (cause) {
      await rm(temporary, { force: true });
      throw storageFailed('writing a chunk', cause);
    }
  }

  /** Makes everything that was put visible and durable. */
  async flush(): Promise<void> {
    await this.#publish();
    try {
      await syncFolders(this.#store.folder, [...this.#folders]);
    } catch (cause) {
      throw storageFailed(`flushing ${this.#store.folder}`, cause);
    }
    this.#folders.clear();
  }

  /** Removes what was not flushed. */
  async abandon(): Promise<void> {
    await this.#flushing.catch(() => undefined);
    for (const temporary of this.#pending.values()) rmSync(temporary, { force: true });
    this.#pending.clear();
  }

  /** @param bytes those that hash so, when they are at hand: comparing them is cheaper than hashing the file. */
  async #isThere(hash: string, bytes?: Uint8Array): Promise<boolean> {
    if (this.#pending.has(hash)) return true;
    if (!existsSync(chunkPath(this.#store.folder, hash))) return false;
    if (bytes !== undefined) {
      const there = await this.#store.read(hash, { verify: false, limit: Number.MAX_SAFE_INTEGER });
      if (Buffer.compare(there, bytes) === 0) return true;
      throw corrupt(hash);
    }
    switch (await this.#store.check(hash)) {
      case 'right':
        return true;
      case 'missing':
        return false;
      case 'corrupt':
        throw corrupt(hash);
    }
  }

  #temporary(): string {
    return join(this.#store.folder, 'objects', `.${process.pid}-${randomUUID()}.tmp`);
  }

  async #add(hash: string, temporary: string, bytes: number): Promise<void> {
    if (this.#pending.has(hash)) {
      rmSync(temporary, { force: true });
      return;
    }
    this.#pending.set(hash, temporary);
    this.#pendingBytes += bytes;
    if (this.#pending.size >= MAX_PENDING || this.#pendingBytes >= MAX_PENDING_BYTES) await this.#publish();
  }

  /** Flushes and renames what waits. One at a time; what is put meanwhile waits for the next. */
  async #publish(): Promise<void> {
    const before = this.#flushing;
    const task = (async () => {
      await before.catch(() => undefined);
      const batch = [...this.#pending];
      this.#pendingBytes = 0;
      if (batch.length === 0) return;
      try {
        await syncFiles(
          this.#store.folder,
          batch.map(([, temporary]) => temporary),
        );
        for (const [hash, temporary] of batch) {
          const target = chunkPath(this.#store.folder, hash);
          if (!this.#folders.has(dirname(target))) mkdirSync(dirname(target), { recursive: true });
          this.#folders.add(dirname(target));
          renameSync(temporary, target);
          this.#pending.delete(hash);
        }
      } catch (cause) {
        throw storageFailed(`flushing chunks to ${this.#store.folder}`, cause);
      }
    })();
    this.#flushing = task;
    await task;
  }
}

function tooLong({ hash, limit }: ExpectedChunk): BundleError {
  return new BundleError(
    'BUNDLE_CHUNK_CORRUPT',
    `chunk ${hash} goes on after its ${limit} bytes; nothing was kept of it`,
    {
      details: { chunk: hash },
    },
  );
}

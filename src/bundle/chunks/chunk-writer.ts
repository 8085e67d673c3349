import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openBlake3 } from '../blake3.ts';
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
  #pendingBytes = 0;
  #flushing: Promise<void> = Promise.resolve();

  constructor(folder: string) {
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
    const hasher = await openBlake3();
    hasher.update(bytes);
    const hash = hasher.digest();
    if (expected !== undefined && expected !== hash) throw corrupt(expected);
    if (await this.#isThere(hash)) return { hash, bytes: bytes.length, added: false };
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
    return { hash, bytes: bytes.length, added: true };
  }

  /** As `put`, for content that does not fit into memory. */
  async putStream(
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected?: ExpectedChunk,
  ): Promise<WrittenChunk> {
    const temporary = this.#temporary();
    const hasher = await openBlake3();
    let bytes = 0;
    try {
      const file = await open(temporary, 'wx');
      try {
        for await (const piece of pieces) {
          bytes += piece.length;
          if (expected !== undefined && bytes > expected.limit) throw tooLong(expected);
          hasher.update(piece);
          await file.writeFile(piece);
        }
      } finally {
        await file.close();
      }
      const hash = hasher.digest();
      if (expected !== undefined && expected.hash !== hash) throw corrupt(expected.hash);
      if (await this.#isThere(hash)) {
        await rm(temporary, { force: true });
        return { hash, bytes, added: false };
      }
      await this.#add(hash, temporary, bytes);
      return { hash, bytes, added: true };
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

  async #isThere(hash: string): Promise<boolean> {
    if (this.#pending.has(hash)) return true;
    if (!existsSync(chunkPath(this.#store.folder, hash))) return false;
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

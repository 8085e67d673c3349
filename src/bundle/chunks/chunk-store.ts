import { constants } from 'node:fs';
import { access, type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#core';
import { openBlake3 } from '../blake3.ts';
import { BundleError } from '../errors.ts';
import { storageFailed, systemCode } from '../storage-errors.ts';
import { chunkPath } from './chunk-path.ts';

const PIECE = 256 * 2 ** 10;
const STALE_MS = 24 * 3_600_000;

export type ChunkState = 'right' | 'missing' | 'corrupt';

/**
 * Reads chunks by their BLAKE3 (64 hex digits) from a bundle's folder. Whoever made the folder may be hostile: a chunk
 * is a regular file, never a link or a device, and its bytes count only when they hash to their name.
 */
export class ChunkStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async has(hash: string): Promise<boolean> {
    return access(chunkPath(this.folder, hash)).then(
      () => true,
      () => false,
    );
  }

  /** The chunk's size in bytes, or `undefined` if there is none. */
  async size(hash: string): Promise<number | undefined> {
    return stat(chunkPath(this.folder, hash)).then(
      (stats) => stats.size,
      () => undefined,
    );
  }

  /**
   * The chunk's pieces. The last one is given only after all of them proved right, so who writes them elsewhere must
   * publish nothing before the end.
   *
   * @throws {BundleError} `BUNDLE_CHUNK_MISSING`, `BUNDLE_CHUNK_CORRUPT`, `BUNDLE_STORAGE_FAILED`
   */
  async *stream(hash: string): AsyncGenerator<Uint8Array> {
    const file = await this.#open(hash);
    try {
      const hasher = await openBlake3();
      let held: Uint8Array | undefined;
      for await (const piece of pieces(file)) {
        hasher.update(piece);
        if (held !== undefined) yield held;
        held = piece;
      }
      if (hasher.digest() !== hash) throw corrupt(hash);
      if (held !== undefined) yield held;
    } finally {
      await file.close();
    }
  }

  /**
   * The chunk as a whole.
   * @param limit in bytes; a larger chunk is refused before it is read.
   * @param verify `false` trusts the folder: the bytes are not hashed.
   */
  async read(hash: string, { limit = 2 ** 30, verify = true } = {}): Promise<Uint8Array> {
    const file = await this.#open(hash);
    try {
      const { size } = await file.stat();
      if (size > limit) {
        throw new BundleError('BUNDLE_TOO_LARGE', `chunk ${hash} has ${size} bytes; at most ${limit} can be used`);
      }
      const bytes = await file.readFile();
      if (!verify) return bytes;
      const hasher = await openBlake3();
      hasher.update(bytes);
      if (hasher.digest() !== hash) throw corrupt(hash);
      return bytes;
    } catch (cause) {
      throw storageFailed(`reading chunk ${hash}`, cause);
    } finally {
      await file.close();
    }
  }

  async check(hash: string): Promise<ChunkState> {
    try {
      for await (const _ of this.stream(hash));
      return 'right';
    } catch (error) {
      if (error instanceof BundleError && error.code === 'BUNDLE_CHUNK_MISSING') return 'missing';
      if (error instanceof BundleError && error.code === 'BUNDLE_CHUNK_CORRUPT') return 'corrupt';
      throw error;
    }
  }

  /** Removes what a killed writer left behind more than a day ago. @returns how many files went. */
  async sweep(clock: Pick<Clock, 'now'>): Promise<number> {
    const objects = join(this.folder, 'objects');
    const names = await readdir(objects).catch(() => []);
    let removed = 0;
    for (const name of names.filter(isTemporary)) {
      const stats = await stat(join(objects, name)).catch(() => undefined);
      if (stats === undefined || clock.now() - stats.mtimeMs < STALE_MS) continue;
      await rm(join(objects, name), { force: true });
      removed++;
    }
    return removed;
  }

  async #open(hash: string): Promise<FileHandle> {
    const path = chunkPath(this.folder, hash);
    // Without O_NONBLOCK, opening a FIFO that a hostile folder holds would wait for ever.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    let file: FileHandle;
    try {
      file = await open(path, flags);
    } catch (cause) {
      const code = systemCode(cause);
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        const message = `chunk ${hash} is not in ${this.folder}; push or pull the bundle again`;
        throw new BundleError('BUNDLE_CHUNK_MISSING', message, { cause, details: { chunk: hash } });
      }
      if (code === 'ELOOP') throw corrupt(hash);
      throw storageFailed(`opening ${path}`, cause);
    }
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw corrupt(hash);
  }
}

export function isTemporary(name: string): boolean {
  return name.startsWith('.') && name.endsWith('.tmp');
}

export function corrupt(hash: string): BundleError {
  return new BundleError(
    'BUNDLE_CHUNK_CORRUPT',
    `chunk ${hash} is not what its name says; remove it and push or pull the bundle again`,
    { details: { chunk: hash } },
  );
}

async function* pieces(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE), 0, PIECE);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

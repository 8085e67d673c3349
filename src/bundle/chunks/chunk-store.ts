import { closeSync, existsSync, read, readFileSync, readSync, statSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isVivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import { openRegularSync, UnusableFile } from '#files';
import { blake3, openBlake3 } from '../blake3.ts';
import { BundleError } from '../errors.ts';
import { storageFailed, systemCode } from '../storage-errors.ts';
import { chunkPath } from './chunk-path.ts';

const PIECE = 256 * 2 ** 10;
/**
 * A chunk up to this size is read in one synchronous step, which is faster for small files than four requests to the
 * thread pool.
 */
const SMALL = 2 ** 20;
const STALE_MS = 24 * 3_600_000;

export type ChunkState = 'right' | 'missing' | 'corrupt';

/**
 * Reads chunks by their BLAKE3 (64 hex digits) from a bundle's folder. The folder's author may be hostile: a chunk must
 * be a regular file, never a link or a device, and its bytes must hash to its name.
 */
export class ChunkStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  has(hash: string): boolean {
    return existsSync(chunkPath(this.folder, hash));
  }

  /** The chunk's size in bytes, or `undefined` if it does not exist. */
  size(hash: string): number | undefined {
    return statSync(chunkPath(this.folder, hash), { throwIfNoEntry: false })?.size;
  }

  /**
   * Reads the chunk in pieces. The last piece is given only when the hash of all of them is right, so a consumer must
   * publish nothing before the end.
   *
   * @throws {BundleError} `BUNDLE_CHUNK_MISSING`, `BUNDLE_CHUNK_CORRUPT`, `BUNDLE_STORAGE_FAILED`
   */
  async *stream(hash: string): AsyncGenerator<Uint8Array> {
    const file = this.#open(hash);
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
    } catch (cause) {
      throw storageFailed(`reading chunk ${hash}`, cause);
    } finally {
      closeSync(file.descriptor);
    }
  }

  /**
   * Reads the whole chunk.
   * @param limit in bytes; a larger chunk is refused before it is read
   * @param verify `false` trusts the folder: the bytes are not hashed
   */
  async read(hash: string, { limit = 2 ** 30, verify = true } = {}): Promise<Uint8Array> {
    const file = this.#open(hash);
    try {
      if (file.size > limit) {
        throw new BundleError('BUNDLE_TOO_LARGE', `chunk ${hash} has ${file.size} bytes; at most ${limit} can be used`);
      }
      const bytes = file.size <= SMALL ? readFileSync(file.descriptor) : await readWhole(file);
      if (verify && (await blake3(bytes)) !== hash) throw corrupt(hash);
      return bytes;
    } catch (cause) {
      throw storageFailed(`reading chunk ${hash}`, cause);
    } finally {
      closeSync(file.descriptor);
    }
  }

  /**
   * Whether the chunk is there, compared with bytes that have its hash: this is cheaper than hashing the file.
   * @throws {BundleError} `BUNDLE_CHUNK_CORRUPT` if it has other bytes, `BUNDLE_STORAGE_FAILED`
   */
  async holds(hash: string, bytes: Uint8Array): Promise<boolean> {
    let file: OpenFile;
    try {
      file = this.#open(hash);
    } catch (error) {
      if (isVivariumError(error, 'BUNDLE_CHUNK_MISSING')) return false;
      throw error;
    }
    try {
      if (file.size !== bytes.length) throw corrupt(hash);
      const isSame = file.size <= SMALL ? readsAs(file, bytes) : Buffer.compare(await readWhole(file), bytes) === 0;
      if (!isSame) throw corrupt(hash);
      return true;
    } catch (cause) {
      throw storageFailed(`reading chunk ${hash}`, cause);
    } finally {
      closeSync(file.descriptor);
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

  /** Removes what a killed writer left behind more than a day ago. @returns how many files were removed */
  async sweep(clock: Pick<Clock, 'now'>): Promise<number> {
    const objects = join(this.folder, 'objects');
    const names = await readdir(objects).catch(() => []);
    let removed = 0;
    for (const name of names.filter(isTemporary)) {
      const stats = await stat(join(objects, name)).catch(() => undefined);
      if (stats === undefined || clock.now() - stats.mtimeMs < STALE_MS) continue;
      await rm(join(objects, name), { recursive: true, force: true });
      removed++;
    }
    return removed;
  }

  #open(hash: string): OpenFile {
    const path = chunkPath(this.folder, hash);
    try {
      const { descriptor, stats } = openRegularSync(path, { links: 'refuse' });
      return { descriptor, size: stats.size };
    } catch (cause) {
      if (cause instanceof UnusableFile) throw corrupt(hash);
      const code = systemCode(cause);
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        const message = `chunk ${hash} is not in ${this.folder}; push or pull the bundle again`;
        throw new BundleError('BUNDLE_CHUNK_MISSING', message, { cause, details: { chunk: hash } });
      }
      throw storageFailed(`opening ${path}`, cause);
    }
  }
}

interface OpenFile {
  readonly descriptor: number;
  readonly size: number;
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

const readAsync = promisify(read);

/** Reads a file in pieces that are never reused. A file that grows meanwhile is read to its new end. */
async function* pieces({ descriptor, size }: OpenFile): AsyncGenerator<Uint8Array> {
  if (size <= SMALL) {
    yield readFileSync(descriptor);
    return;
  }
  for (;;) {
    const { bytesRead, buffer } = await readAsync(descriptor, Buffer.allocUnsafeSlow(PIECE), 0, PIECE, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Serves all small files, because a new buffer for each takes most of the time of reading one. */
let scratch: Buffer | undefined;

/** Whether a small file has these bytes. It is one synchronous step, so that nobody else uses the buffer meanwhile. */
function readsAs({ descriptor, size }: OpenFile, bytes: Uint8Array): boolean {
  scratch ??= Buffer.allocUnsafeSlow(SMALL);
  let at = 0;
  while (at < size) {
    const read = readSync(descriptor, scratch, at, size - at, null);
    if (read === 0) return false;
    at += read;
  }
  return Buffer.compare(scratch.subarray(0, size), bytes) === 0;
}

async function readWhole(file: OpenFile): Promise<Uint8Array> {
  const whole = Buffer.allocUnsafeSlow(file.size);
  let at = 0;
  for await (const piece of pieces(file)) {
    // Bytes that were added after the size was read are not part of the hashed chunk.
    whole.set(piece.subarray(0, whole.length - at), at);
    at += piece.length;
  }
  return whole.subarray(0, at);
}

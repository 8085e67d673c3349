import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { BlobInventory, BlobStore } from '#core/ports/registry';
import { openRegular } from '#files';
import { isDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { checkPointer } from './pointer.ts';

const TEMPORARY = '.new-';
/** A file that has been incomplete for a day was left behind by a crash. */
const ABANDONED_MS = 86_400_000;

/**
 * Blobs in a folder:
 *
 *     <root>/sha256/ab/cdef…   62 hex digits: the bytes
 *     <root>/sha256/ab/.new-…  being written
 */
export class FolderBlobStore implements BlobStore, BlobInventory {
  readonly #root: string;
  readonly #clock: Clock;

  constructor(root: string, clock: Clock) {
    this.#root = root;
    this.#clock = clock;
  }

  async put(pointer: string, bytes: Uint8Array): Promise<void> {
    const { folder, file } = this.#place(pointer);
    try {
      const known = await stat(file).catch(absent);
      // A crash may have left a file of another size, which is replaced here. Wrong contents of the same size are found
      // at every fetch.
      const now = new Date(this.#clock.now());
      const isWhole = known?.isFile() && known.size === bytes.length;
      // Another process may delete it between both calls; it is then written as one that was never there.
      if (isWhole && (await utimes(file, now, now).then(() => true, absent))) return;
      await mkdir(folder, { recursive: true });
      const temporary = join(folder, `${TEMPORARY}${randomUUID()}`);
      try {
        await writeDurably(temporary, bytes);
        await utimes(temporary, now, now);
        await rename(temporary, file);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      await syncFolder(folder);
    } catch (cause) {
      throw unavailable('store', pointer, cause);
    }
  }

  async get(pointer: string, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const { file } = this.#place(pointer);
    signal?.throwIfAborted();
    let handle: FileHandle | undefined;
    try {
      handle = await openRegular(file, { links: 'refuse' });
      const { size } = await handle.stat();
      const buffer = new Uint8Array(Math.min(size, maxBytes));
      let filled = 0;
      while (filled < buffer.length) {
        signal?.throwIfAborted();
        const { bytesRead } = await handle.read(buffer, filled, Math.min(buffer.length - filled, 2 ** 22), filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      if (isAbsent(cause)) return undefined;
      throw unavailable('read', pointer, cause);
    } finally {
      await handle?.close();
    }
  }

  async *list(): AsyncIterable<{ readonly pointer: string; readonly storedAt: number }> {
    const base = join(this.#root, 'sha256');
    for (const folder of await names(base)) {
      for (const name of await names(join(base, folder))) {
        const file = join(base, folder, name);
        const found = await stat(file).catch(absent);
        if (name.startsWith(TEMPORARY)) {
          if (found !== undefined && found.mtimeMs < this.#clock.now() - ABANDONED_MS) await rm(file, { force: true });
          continue;
        }
        const pointer = `sha256:${folder}${name}`;
        if (found?.isFile() && isDigest(pointer)) yield { pointer, storedAt: found.mtimeMs };
      }
    }
  }

  async delete(pointer: string): Promise<void> {
    const { file } = this.#place(pointer);
    try {
      await rm(file, { force: true });
    } catch (cause) {
      throw unavailable('delete', pointer, cause);
    }
  }

  #place(pointer: string): { folder: string; file: string } {
    const hex = checkPointer(pointer);
    const folder = join(this.#root, 'sha256', hex.slice(0, 2));
    return { folder, file: join(folder, hex.slice(2)) };
  }
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o644);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Syncs a folder, because a rename is durable only after that. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    const found: string[] = [];
    for await (const entry of await opendir(folder)) found.push(entry.name);
    return found.sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw new RegistryError('REGISTRY_UNAVAILABLE', `cannot list the blobs in ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function absent(error: unknown): undefined {
  if (isAbsent(error)) return undefined;
  throw error;
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function unavailable(verb: string, pointer: string, cause: unknown): RegistryError {
  return new RegistryError('REGISTRY_UNAVAILABLE', `cannot ${verb} the blob ${pointer}: ${messageOf(cause)}`, {
    cause,
  });
}

import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Opens files that others may have placed. A FIFO in a file's place blocks `open` until somebody writes to it, and with
 * it a thread of the pool that all file calls share. Reading a device may never end and may have effects. A link leads
 * wherever its maker wants. Nothing else in `src` opens an existing file, and a test searches for code that does.
 */
export interface RegularFileOptions {
  /** `refuse` in our own folders, whose files we made; `follow` for a path that the user gave. */
  readonly links: 'refuse' | 'follow';
  /** Further flags of `open` in addition to those that are always set; for reading by default. */
  readonly flags?: number;
  readonly mode?: number;
  /** Replaces Node's own function in tests that make it fail. */
  readonly open?: typeof open;
}

/**
 * An existing file that must not be used: a link, a folder, a FIFO, a device, or a file that is too large. The message
 * is the second half of a sentence.
 */
export class UnusableFile extends Error {}

/** A file that is only too large. */
export class TooLargeFile extends UnusableFile {}

// Both are absent on Windows.
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const NO_WAIT = constants.O_NONBLOCK ?? 0;
const MOST_AT_ONCE = 4 * 2 ** 20;

const flagsOf = ({ links, flags = constants.O_RDONLY }: RegularFileOptions): number =>
  flags | NO_WAIT | (links === 'refuse' ? NO_FOLLOW : 0);

/** @throws {UnusableFile}, and the errors of the file system, including `ENOENT` */
export async function openRegular(path: string, options: RegularFileOptions): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await (options.open ?? open)(path, flagsOf(options), options.mode);
  } catch (cause) {
    throw asUnusable(cause);
  }
  try {
    refuseOthers(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** @returns a descriptor, which the caller must close, and the result of `fstat`. @throws as `openRegular` does */
export function openRegularSync(
  path: string,
  options: Omit<RegularFileOptions, 'open'>,
): { readonly descriptor: number; readonly stats: Stats } {
  let descriptor: number;
  try {
    descriptor = openSync(path, flagsOf(options), options.mode);
  } catch (cause) {
    throw asUnusable(cause);
  }
  try {
    const stats = fstatSync(descriptor);
    refuseOthers(stats);
    return { descriptor, stats };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Reads a whole file of at most `maxBytes`, also when it grows meanwhile.
 * @throws as `openRegular` does; {TooLargeFile}; the signal's reason
 */
export async function readRegular(
  path: string,
  maxBytes: number,
  options: RegularFileOptions & { readonly signal?: AbortSignal | undefined },
): Promise<Buffer> {
  const file = await openRegular(path, options);
  try {
    const { size } = await file.stat();
    let buffer = newBuffer(size, maxBytes);
    let filled = 0;
    for (;;) {
      options.signal?.throwIfAborted();
      const length = Math.min(buffer.length - filled, MOST_AT_ONCE);
      const { bytesRead } = await file.read(buffer, filled, length, filled);
      filled += bytesRead;
      if (bytesRead === 0) return buffer.subarray(0, filled);
      if (filled === buffer.length) buffer = grown(buffer, maxBytes);
    }
  } finally {
    await file.close();
  }
}

/** Reads a small file as `readRegular` does. @throws as it does */
export function readRegularSync(path: string, maxBytes: number, options: Omit<RegularFileOptions, 'open'>): Buffer {
  const { descriptor, stats } = openRegularSync(path, options);
  try {
    let buffer = newBuffer(stats.size, maxBytes);
    let filled = 0;
    for (;;) {
      const bytesRead = readSync(descriptor, buffer, filled, buffer.length - filled, filled);
      filled += bytesRead;
      if (bytesRead === 0) return buffer.subarray(0, filled);
      if (filled === buffer.length) buffer = grown(buffer, maxBytes);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Reads a file of any size, or its bytes from `start` to `end`, in pieces. @throws as `openRegular` does */
export async function* streamRegular(
  path: string,
  options: RegularFileOptions & { readonly start?: number; readonly end?: number },
): AsyncGenerator<Uint8Array> {
  const file = await openRegular(path, options);
  try {
    const { start = 0, end = Number.POSITIVE_INFINITY } = options;
    for (let at = start; at < end; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(64 * 2 ** 10, end - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Makes a buffer with one byte more than the file has: a read that does not fill it has found the end. */
function newBuffer(size: number, maxBytes: number): Buffer {
  if (size > maxBytes) throw tooLarge(`it has ${size} bytes`, maxBytes);
  return Buffer.allocUnsafeSlow(size + 1);
}

/** Enlarges the buffer, because the file has more bytes than `fstat` said. */
function grown(full: Buffer, maxBytes: number): Buffer {
  if (full.length > maxBytes) throw tooLarge('it grew', maxBytes);
  const larger = Buffer.allocUnsafeSlow(Math.min(2 * full.length, maxBytes + 1));
  full.copy(larger);
  return larger;
}

function tooLarge(what: string, maxBytes: number): TooLargeFile {
  return new TooLargeFile(`${what}, more than ${maxBytes}`);
}

function refuseOthers(stats: Stats): void {
  if (stats.isDirectory()) throw new UnusableFile('it is a folder');
  if (!stats.isFile()) throw new UnusableFile('it is not a regular file');
}

function asUnusable(cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ELOOP') return new UnusableFile('it is a link', { cause });
  if (code === 'EISDIR') return new UnusableFile('it is a folder', { cause });
  // The file is a FIFO that nobody reads, or a socket.
  return code === 'ENXIO' || code === 'ENODEV' ? new UnusableFile('it is not a regular file', { cause }) : cause;
}

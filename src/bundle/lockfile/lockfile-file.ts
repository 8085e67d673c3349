import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { shownPath, shownText } from '#core/text';
import { readRegular, TooLargeFile, UnusableFile } from '#files';
import { signaturePath } from '#security/signatures';
import { syncFolders } from '../chunks/durable.ts';
import { BundleError } from '../errors.ts';
import { storageFailed, systemCode } from '../storage-errors.ts';
import { decodeLockfile, MAX_LOCKFILE_BYTES } from './decode.ts';
import { encodeLockfile, timeIfSame } from './encode.ts';
import { checkLockfile, type Lockfile, settlePaths } from './model.ts';
import { formatLockfile, parseLockfile } from './toml.ts';

const BINARY = '.lock.bin';
const TEXT = '.lock.toml';

export interface LoadedLockfile {
  readonly lockfile: Lockfile;
  /** The file that was read. */
  readonly path: string;
  /** The bytes of the file. */
  readonly bytes: Uint8Array;
  /** The file's folder, which contains the chunks. */
  readonly folder: string;
}

/** Lists the producers with a lockfile in a folder, in the order of their names. */
export async function producersIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    if (systemCode(cause) === 'ENOENT') throw notFound(folder, cause);
    throw storageFailed(`reading ${shownPath(folder)}`, cause);
  });
  return names
    .filter((name) => name.endsWith(BINARY))
    .map((name) => name.slice(0, -BINARY.length))
    .toSorted();
}

/**
 * Reads and checks a lockfile: of a folder, or the file itself, binary or TOML.
 * @param producer refuses any other producer; without it, a folder must have exactly one lockfile
 * @throws {BundleError} `BUNDLE_NOT_FOUND`, `BUNDLE_INVALID_LOCKFILE`, `BUNDLE_UNSUPPORTED_VERSION`,
 * `BUNDLE_WRONG_PRODUCER`, `BUNDLE_TOO_LARGE`
 */
export async function loadLockfile(path: string, producer?: string): Promise<LoadedLockfile> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw systemCode(cause) === 'ENOENT' ? notFound(path, cause) : storageFailed(`reading ${shownPath(path)}`, cause);
  });
  const file = stats.isDirectory() ? join(path, `${producer ?? (await onlyProducer(path))}${BINARY}`) : path;
  const bytes = await readBounded(file);
  const lockfile = await checkLockfile(
    settlePaths(file.endsWith('.toml') ? parseLockfile(utf8(bytes, file)) : decodeLockfile(bytes)),
  );
  checkProducer(lockfile, producer);
  return { lockfile, path: file, bytes, folder: dirname(file) };
}

/** Returns the time of a folder's lockfile of the same producer and root; `undefined` if the folder has none that can be read. */
export async function timeInFolder(folder: string, lockfile: Lockfile): Promise<number | undefined> {
  const { producer } = lockfile.meta;
  const bytes = await readBounded(lockfilePath(folder, producer)).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const same = timeIfSame(bytes, lockfile);
  if (same !== undefined) return same;
  const there = await loadLockfile(folder, producer).catch(() => undefined);
  return there?.lockfile.root === lockfile.root ? there.lockfile.meta.generatedAtMs : undefined;
}

/** @throws {BundleError} `BUNDLE_WRONG_PRODUCER` */
export function checkProducer(lockfile: Lockfile, producer: string | undefined): void {
  if (producer === undefined || lockfile.meta.producer === producer) return;
  throw new BundleError(
    'BUNDLE_WRONG_PRODUCER',
    `the lockfile was made by ${shownText(lockfile.meta.producer)}, not by ${shownText(producer)}; name its producer with --producer`,
  );
}

/** Returns the path of a producer's binary lockfile in a folder. */
export function lockfilePath(folder: string, producer: string): string {
  return join(folder, `${producer}${BINARY}`);
}

/**
 * Writes both renderings. The binary one comes last, because it makes the bundle exist.
 * @param signature the envelope to write beside it; an existing one stays if the lockfile is unchanged
 */
export async function saveLockfile(folder: string, lockfile: Lockfile, signature?: string): Promise<Uint8Array> {
  const bytes = encodeLockfile(lockfile);
  const path = lockfilePath(folder, lockfile.meta.producer);
  const text = join(folder, `${lockfile.meta.producer}${TEXT}`);
  const replaced = [await replaceFile(text, Buffer.from(formatLockfile(lockfile))), await replaceFile(path, bytes)];
  if (signature !== undefined) replaced.push(await replaceFile(signaturePath(path), Buffer.from(`${signature}\n`)));
  else if (replaced[1]) await rm(signaturePath(path), { force: true });
  if (replaced.includes(true)) await syncFolders(folder, [folder]);
  return bytes;
}

/** @returns whether the file had other content */
async function replaceFile(path: string, content: Uint8Array): Promise<boolean> {
  const there = await readRegular(path, content.length, { links: 'refuse' }).catch(() => undefined);
  if (there?.equals(content)) return false;
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await using file = await open(temporary, 'wx');
    await file.writeFile(content);
    await file.sync();
    await rename(temporary, path);
    return true;
  } catch (cause) {
    await rm(temporary, { force: true });
    throw storageFailed(`writing ${shownPath(path)}`, cause);
  }
}

async function onlyProducer(folder: string): Promise<string> {
  const producers = await producersIn(folder);
  const [first, ...others] = producers;
  if (first === undefined) throw notFound(folder);
  if (others.length === 0) return first;
  throw new BundleError(
    'BUNDLE_INVALID_OPTION',
    `${shownPath(folder)} has lockfiles of ${producers.map((each) => shownText(each)).join(', ')}; name one with --producer`,
  );
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    return await readRegular(path, MAX_LOCKFILE_BYTES, { links: 'follow' });
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') throw notFound(path, cause);
    if (cause instanceof TooLargeFile) {
      const message = `${shownPath(path)} cannot be read: ${cause.message}; a lockfile has at most ${MAX_LOCKFILE_BYTES} bytes`;
      throw new BundleError('BUNDLE_TOO_LARGE', message, { cause });
    }
    throw cause instanceof UnusableFile ? notFound(path, cause) : storageFailed(`opening ${shownPath(path)}`, cause);
  }
}

function utf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BundleError('BUNDLE_INVALID_LOCKFILE', `${shownPath(path)} is not UTF-8`, { cause });
  }
}

function notFound(path: string, cause?: unknown): BundleError {
  return new BundleError(
    'BUNDLE_NOT_FOUND',
    `there is no lockfile in ${shownPath(path)}; push or pull the bundle first`,
    {
      cause,
    },
  );
}

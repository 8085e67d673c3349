import { constants } from 'node:fs';
import type * as promises from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactKey } from '#core/ports/artifact';
import type { Random } from '#core/ports/random';
import { openRegular, UnusableFile } from '#files';
import { CacheError } from './errors.ts';
import { artifactFile, formatFolder, profileFolders } from './layout.ts';

/** The file operations of the disk tier, so that tests can make each of them fail or end the process there. */
export type CacheFiles = Pick<
  typeof promises,
  'open' | 'rename' | 'rm' | 'mkdir' | 'stat' | 'lstat' | 'readdir' | 'chmod' | 'utimes'
>;

/** Access for the owner only, because an entry contains code. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;
const OTHERS_WRITE = 0o022;
const OTHERS_ANY = 0o077;

/** Reads a whole regular file that this user owns; undefined when there is none. @throws {UnusableFile} */
export async function readOwnFile(files: CacheFiles, path: string, maxBytes: number): Promise<Buffer | undefined> {
  let handle: promises.FileHandle;
  try {
    handle = await openRegular(path, { links: 'refuse', open: files.open });
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw cause;
  }
  try {
    const { size, uid, mode } = await handle.stat();
    if (!isOurs(uid)) throw new UnusableFile('it belongs to another user');
    if (isOpenToWriters(mode)) throw new UnusableFile('other users may write it');
    if (size > maxBytes) throw new UnusableFile(`it has ${size} bytes, more than ${maxBytes}`);
    const buffer = Buffer.allocUnsafeSlow(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await handle.read(buffer, filled, size - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

/**
 * Writes `bytes` to `path` completely or not at all: to a temporary file in `folder`, synced when `durable`, and then
 * renamed. The caller syncs the folder.
 */
export async function writeWhole(
  files: CacheFiles,
  path: string,
  bytes: Uint8Array,
  to: { readonly folder: string; readonly random: Random; readonly durable: boolean },
): Promise<void> {
  const temporary = join(to.folder, `${Buffer.from(to.random.bytes(16)).toString('hex')}.tmp`);
  try {
    const handle = await files.open(temporary, 'wx', FILE_MODE);
    try {
      await handle.writeFile(bytes);
      if (to.durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await files.rename(temporary, path);
  } catch (cause) {
    await files.rm(temporary, { force: true }).catch(() => undefined);
    throw cause;
  }
}

/** Makes the renames in a folder durable. Windows cannot open a folder and does not need this. */
export async function syncFolder(files: CacheFiles, folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await files.open(folder, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Checks the existing folders above a key's entry. Returns false when they do not exist yet.
 * @throws {CacheError} `CACHE_UNSAFE_ROOT`
 */
export async function checkFolders(files: CacheFiles, root: string, engineProfileId: string): Promise<boolean> {
  const { profile, artifacts } = profileFolders(root, engineProfileId);
  const own = [formatFolder(root), profile, artifacts];
  const [rootThere, ...there] = await Promise.all([
    checkRoot(files, root),
    ...own.map((folder) => checkFolder(files, folder)),
  ]);
  return rootThere === true && there.every(Boolean);
}

/** Makes the missing folders of a profile with access for the owner only. @throws {CacheError} `CACHE_UNSAFE_ROOT` */
export async function makeFolders(files: CacheFiles, root: string, engineProfileId: string): Promise<void> {
  const { profile, artifacts, locks, tmp } = profileFolders(root, engineProfileId);
  await files.mkdir(root, { recursive: true, mode: FOLDER_MODE });
  await checkRoot(files, root);
  for (const folder of [formatFolder(root), profile, artifacts, locks, tmp]) {
    await files.mkdir(folder, { mode: FOLDER_MODE }).catch((cause: unknown) => {
      if (codeOf(cause) !== 'EEXIST') throw cause;
    });
    await checkFolder(files, folder);
  }
}

/** Deletes an entry, whatever kind of file is in its place. */
export async function removeEntry(files: CacheFiles, root: string, key: ArtifactKey): Promise<void> {
  await files.rm(artifactFile(root, key), { force: true, recursive: true });
}

export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

export function isOurs(uid: number): boolean {
  const user = process.geteuid?.();
  return user === undefined || uid === user;
}

export function isOpenToWriters(mode: number): boolean {
  return process.platform !== 'win32' && (mode & OTHERS_WRITE) !== 0;
}

export function isOpenToOthers(mode: number): boolean {
  return process.platform !== 'win32' && (mode & OTHERS_ANY) !== 0;
}

/**
 * Whether the root exists. It may be a link and others may read it, but nobody else may put folders into it. @throws
 * {CacheError} `CACHE_UNSAFE_ROOT`
 */
export async function checkRoot(files: CacheFiles, root: string): Promise<boolean> {
  const stat = await files.stat(root).catch(ifMissing);
  if (stat === undefined) return false;
  if (!stat.isDirectory()) throw unsafe(root, 'is not a folder');
  if (!isOurs(stat.uid) && stat.uid !== 0) throw unsafe(root, 'belongs to another user');
  if (isOpenToWriters(stat.mode)) throw unsafe(root, 'can be written by other users');
  return true;
}

/** Checks a folder below the root: it must be a real folder and ours. If others have access, the access is removed. */
async function checkFolder(files: CacheFiles, folder: string): Promise<boolean> {
  const stat = await files.lstat(folder).catch(ifMissing);
  if (stat === undefined) return false;
  if (!stat.isDirectory()) throw unsafe(folder, 'is a link or not a folder');
  if (!isOurs(stat.uid)) throw unsafe(folder, 'belongs to another user');
  if (isOpenToOthers(stat.mode)) await files.chmod(folder, FOLDER_MODE);
  return true;
}

function ifMissing(cause: unknown): undefined {
  if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return undefined;
  throw cause;
}

function unsafe(path: string, what: string): CacheError {
  return new CacheError(
    'CACHE_UNSAFE_ROOT',
    `${path} ${what}, so nothing in it is used; name another cache folder with VIVARIUM_CACHE_DIR or the option cache.root`,
    { details: { path } },
  );
}

import { execFile } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import pLimit from 'p-limit';

/** From this number of files on, one call for the whole file system is cheaper than one for each file. */
const MANY = 32;
const PARALLEL = 16;

const run = promisify(execFile);

/** Returns when the content of all `files`, which must be below `folder`, is on the disk. */
export async function syncFiles(folder: string, files: readonly string[]): Promise<void> {
  if (files.length >= MANY && (await syncFileSystem(folder))) return;
  const limit = pLimit(PARALLEL);
  await limit.map(files, syncFile);
}

/** Returns when the names in `folders`, which must be below `root`, are on the disk. */
export async function syncFolders(root: string, folders: readonly string[]): Promise<void> {
  // Windows has no handle of a folder to flush.
  if (process.platform === 'win32') return;
  await syncFiles(root, folders);
}

async function syncFile(file: string): Promise<void> {
  // The file is a folder, or was just made.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Calls `syncfs`, which Node does not offer, by way of `sync -f` of coreutils or busybox. Ten thousand `fsync` calls
 * take seconds.
 */
async function syncFileSystem(folder: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const program = ['/usr/bin/sync', '/bin/sync'].find((candidate) => existsSync(candidate));
  if (program === undefined) return false;
  try {
    await run(program, ['-f', folder]);
    return true;
  } catch {
    return false;
  }
}

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '#core/errors';
import { shownPath } from '#core/text';
import { openRegular, UnusableFile } from '#files';
import { SecurityError } from './errors.ts';

/** `secret`: no other user may read it. `public`: others may read it, but not change it. */
export type FileSecrecy = 'secret' | 'public';

/**
 * Reads a file on which authority depends. Returns undefined when there is none.
 *
 * It refuses links, files that are not regular, and files that another user owns, may write or (when secret) may read.
 * The same holds for the folder of the file, because whoever can write there can replace the file. Windows has no such
 * modes; there the access list of the profile folder protects it.
 * @throws {SecurityError} `SECURITY_UNSAFE_FILE`, `SECURITY_STORE_FAILED`
 */
export async function readPrivateFile(
  path: string,
  secrecy: FileSecrecy,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  let file: FileHandle;
  try {
    file = await openRegular(path, { links: 'refuse' });
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (error instanceof UnusableFile) {
      const isLink = hasCode(error.cause, 'ELOOP');
      throw isLink
        ? unsafe(path, 'is a link', 'put the file itself there')
        : unsafe(path, 'is not a regular file', 'remove it');
    }
    throw failed('read', path, error);
  }
  try {
    const found = await file.stat();
    if (found.size > maxBytes) throw unsafe(path, `has ${found.size} bytes, more than ${maxBytes}`, 'remove it');
    checkOwnerAndMode(path, found, secrecy === 'secret' ? 0o077 : 0o022);
    checkOwnerAndMode(dirname(path), await stat(dirname(path)), 0o022);
    return await readBounded(file, maxBytes);
  } catch (error) {
    throw error instanceof SecurityError ? error : failed('read', path, error);
  } finally {
    await file.close();
  }
}

/**
 * Writes a file so that readers see all of it or nothing: a temporary file is written, synced and then renamed. The
 * mode is 0600 by default.
 * `create` succeeds only if the name is free, and returns whether it did; `replace` always succeeds.
 * @throws {SecurityError} `SECURITY_STORE_FAILED`
 */
export async function writeWhole(
  path: string,
  content: Uint8Array | string,
  how: 'create' | 'replace',
  mode = 0o600,
): Promise<boolean> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    if (how === 'replace') await rename(temporary, path);
    else await link(temporary, path);
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (how === 'create' && hasCode(error, 'EEXIST')) return false;
    throw failed('write', path, error);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/** Whether a thrown value is a file system error with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/**
 * Syncs a folder, so that a new name in it survives a power cut. Windows cannot open folders; its file systems log
 * names themselves.
 */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function checkOwnerAndMode(path: string, found: { uid: number; mode: number }, forbidden: number): void {
  const me = process.geteuid?.();
  if (me === undefined) return;
  if (found.uid !== me && found.uid !== 0) {
    throw unsafe(path, `belongs to user ${found.uid}`, `make user ${me} its owner`);
  }
  if ((found.mode & forbidden) !== 0) {
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
    throw unsafe(path, `has mode ${mode}, open to other users`, `run: chmod go-rwx ${shownPath(path)}`);
  }
}

/** Reads a bounded number of bytes, because the file may have grown since `stat`. */
async function readBounded(file: FileHandle, maxBytes: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  while (length <= maxBytes) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  throw new RangeError(`more than ${maxBytes} bytes`);
}

function unsafe(path: string, what: string, remedy: string): SecurityError {
  return new SecurityError('SECURITY_UNSAFE_FILE', `${path} ${what}; it is not used: ${remedy}`, { details: { path } });
}

function failed(verb: string, path: string, cause: unknown): SecurityError {
  return new SecurityError('SECURITY_STORE_FAILED', `cannot ${verb} ${path}: ${messageOf(cause)}`, {
    cause,
    details: { path },
  });
}

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  opendirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { open as openLater } from 'node:fs/promises';
import { sep } from 'node:path';
import type { Quota } from '#core/limits';
import type { ComponentAuthority } from '#core/ports/authority';
import type { Preopen } from '#core/ports/files';
import { type FileEntry, type FileFacts, type FileTimes, factsOf, kindOf } from './file-facts.ts';
import { attempt, fileFailure } from './file-failure.ts';
import { isAbsolute, PathResolver, type ResolvedPath } from './file-paths.ts';
import { flushed } from './flushes.ts';
import { GuardedFile } from './guarded-file.ts';
import { checkContents } from './moved-folder.ts';

export interface FileGuardOptions {
  readonly authority: ComponentAuthority;
  readonly preopens: readonly Preopen[];
  /** The most bytes that one call reads or writes; longer requests are done in part. Default 1 MiB. */
  readonly maxBytesPerCall?: number | undefined;
  /** The most entries that one call lists; a larger folder is refused. Default 10,000. */
  readonly maxEntries?: number | undefined;
  /** The most files that are open at a time; default 64. */
  readonly maxOpen?: number | undefined;
  /** Called now and then while one call looks at many entries. It throws when the time of whoever called is over. */
  readonly checkTime?: (() => void) | undefined;
  /** A quota shared with other guards. Each open file takes one unit. */
  readonly openFiles?: Quota | undefined;
}

/** The time of the caller is checked whenever so many entries were looked at. */
const ENTRIES_PER_CHECK = 64;

export interface OpenMode {
  readonly read?: boolean | undefined;
  readonly write?: boolean | undefined;
  /** Creates the file if it does not exist. */
  readonly create?: boolean | undefined;
  /** With `create`: fails if the file exists. */
  readonly exclusive?: boolean | undefined;
  readonly truncate?: boolean | undefined;
  /** Fails for a link at the end of the path instead of following it. */
  readonly noFollow?: boolean | undefined;
}

/**
 * Guards a component's files. At each use, the target of a path (after links) must lie under a preopen and be granted.
 * Only regular files are opened, opening never waits, and each call does a bounded amount of work. Therefore everything
 * can be synchronous, which a turn requires. Errors contain the component's paths.
 * @throws {SecurityError} everywhere: `SECURITY_PERMISSION_DENIED`, `SECURITY_FILE_FAILED` (with `details.errno`)
 */
export class FileGuard {
  readonly #authority: ComponentAuthority;
  readonly #paths: PathResolver;
  readonly #limits: { readonly bytes: number; readonly entries: number; readonly open: number };
  readonly #openFiles: Quota | undefined;
  readonly #checkTime: (() => void) | undefined;
  readonly #open = new Set<GuardedFile>();

  constructor({ authority, preopens, maxBytesPerCall, maxEntries, maxOpen, openFiles, checkTime }: FileGuardOptions) {
    this.#authority = authority;
    this.#openFiles = openFiles;
    this.#checkTime = checkTime;
    this.#paths = new PathResolver(preopens);
    this.#limits = { bytes: maxBytesPerCall ?? 2 ** 20, entries: maxEntries ?? 10_000, open: maxOpen ?? 64 };
  }

  open(path: string, mode: OpenMode): GuardedFile {
    if (this.#open.size >= this.#limits.open) throw fileFailure('EMFILE', path, `${this.#open.size} files are open`);
    const writes = mode.write === true || mode.create === true || mode.truncate === true;
    // A link that leads nowhere exists as well, as O_EXCL of POSIX says. A file at its end would be made where somebody else chose.
    const follow = mode.noFollow !== true && !(mode.create === true && mode.exclusive === true);
    using place = this.#granted(path, follow, mode.read === true || !writes, writes);
    if (place.stats !== undefined && mode.create && mode.exclusive) throw fileFailure('EEXIST', path);
    if (place.stats !== undefined) onlyRegular(place.stats, path);
    if (this.#openFiles?.take(1) === false) throw fileFailure('EMFILE', path, 'other components hold too many files');
    try {
      return this.#opened(path, place, mode);
    } catch (error) {
      this.#openFiles?.giveBack(1);
      throw error;
    }
  }

  /** @param follow whether to follow a link at the end of the path */
  stat(path: string, follow = true): FileFacts {
    using place = this.#existing(path, follow, 'read');
    return factsOf(place.stats);
  }

  /** Returns the path of a folder as the component would name it without links. */
  folder(path: string, follow = true): string {
    using place = this.#existing(path, follow, 'read');
    const { stats, guestPath } = place;
    if (!stats.isDirectory()) throw fileFailure(stats.isSymbolicLink() ? 'ELOOP' : 'ENOTDIR', path);
    return guestPath;
  }

  /** Reads a link if its target lies under the same preopen. Any other target would reveal the host's paths. */
  readLink(path: string): string {
    using place = this.#existing(path, false, 'read');
    const { hostPath, stats, depth } = place;
    if (!stats.isSymbolicLink()) throw fileFailure('EINVAL', path, 'it is not a link');
    const target = attempt(path, () => readlinkSync(hostPath));
    if (target.startsWith('/')) throw fileFailure('EPERM', path, 'the link is absolute');
    if (climbs(target, depth)) throw fileFailure('EPERM', path, 'the link leads out of the folder that was opened');
    return target;
  }

  setTimes(path: string, times: (now: FileFacts) => FileTimes, follow = true): void {
    using place = this.#existing(path, follow, 'write');
    const { hostPath, stats } = place;
    const { accessedMs, modifiedMs } = times(factsOf(stats));
    attempt(path, () => lutimesSync(hostPath, accessedMs / 1_000, modifiedMs / 1_000));
  }

  list(path: string): readonly FileEntry[] {
    using place = this.#granted(path, true, true, false);
    if (place.stats?.isDirectory() === false) throw fileFailure('ENOTDIR', path);
    const folder = attempt(path, () => opendirSync(place.hostPath));
    const entries: FileEntry[] = [];
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        this.#looked(entries.length);
        if (entries.length >= this.#limits.entries) {
          throw fileFailure('EOVERFLOW', path, `the folder has more than ${this.#limits.entries} entries`);
        }
        entries.push({ name: entry.name, kind: kindOf(entry) });
      }
    } finally {
      folder.closeSync();
    }
    return entries;
  }

  /** Waits until the disk has the names in a folder. */
  async syncFolder(path: string): Promise<void> {
    using place = this.#existing(path, true, 'read');
    const { hostPath, stats } = place;
    await flushed(async () => {
      try {
        await using folder = await openLater(
          hostPath,
          constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
        );
        const opened = await folder.stat();
        if (opened.ino === stats.ino && opened.dev === stats.dev) return await folder.sync();
      } catch (error) {
        throw fileFailure(error, path);
      }
      throw fileFailure('EACCES', path, 'it was changed while it was opened');
    });
  }

  makeFolder(path: string): void {
    using place = this.#granted(path, false, false, true);
    attempt(path, () => mkdirSync(place.hostPath, 0o700));
  }

  /** Makes a link that leads to no place above the preopen, as far as its text says. Where it leads is judged at each use. */
  makeLink(target: string, path: string): void {
    using place = this.#granted(path, false, false, true);
    if (target === '' || target.includes('\0')) throw fileFailure('EINVAL', path, 'a link leads to a path');
    if (target.length > MAX_LINK) throw fileFailure('ENAMETOOLONG', path, `a link has at most ${MAX_LINK} characters`);
    if (isAbsolute(target)) throw fileFailure('EPERM', path, 'a link is relative');
    if (climbs(target, place.depth))
      throw fileFailure('EPERM', path, 'the link leads out of the folder that was opened');
    attempt(path, () => symlinkSync(target, place.hostPath));
  }

  removeFile(path: string): void {
    using place = this.#named(path, false);
    attempt(path, () => unlinkSync(place.hostPath));
  }

  removeFolder(path: string): void {
    using place = this.#named(path, false);
    attempt(path, () => rmdirSync(place.hostPath));
  }

  /**
   * Moves a regular file, a folder with all that it holds, or a link, which leads from its new place to wherever its text says. A
   * component may read something under the new name only if it could under the old one.
   */
  rename(from: string, to: string): void {
    using source = this.#named(from, true);
    using target = this.#named(to, false);
    if (source.stats === undefined) throw fileFailure('ENOENT', from);
    if (source.stats.isDirectory()) this.#checkMove(source, target, from);
    else for (const place of [source, target]) onlyMovable(place.stats, place === source ? from : to);
    attempt(from, () => renameSync(source.hostPath, target.hostPath));
  }

  /** Gives a regular file a second name. */
  link(from: string, to: string): void {
    using source = this.#movable(from, true);
    using target = this.#movable(to, false);
    if (source.stats !== undefined) onlyRegular(source.stats, from);
    attempt(from, () => linkSync(source.hostPath, target.hostPath));
  }

  /** Closes all open files. */
  close(): void {
    for (const file of this.#open) file.close();
  }

  #opened(path: string, place: ResolvedPath, mode: OpenMode): GuardedFile {
    const fd = attempt(path, () => openSync(place.hostPath, flagsOf(mode), 0o600));
    try {
      this.#checkOpened(fd, place, path);
      if (mode.truncate) attempt(path, () => ftruncateSync(fd, 0));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const check = (action: 'read' | 'write') => this.#authority.check('filesystem', action, place.guestPath);
    const file = new GuardedFile(fd, place.guestPath, check, this.#limits.bytes, () => {
      this.#open.delete(file);
      this.#openFiles?.giveBack(1);
    });
    this.#open.add(file);
    return file;
  }

  #existing(path: string, follow: boolean, action: 'read' | 'write'): ResolvedPath & { readonly stats: Stats } {
    const place = this.#granted(path, follow, action === 'read', action === 'write');
    const { stats } = place;
    if (stats !== undefined) return { ...place, stats };
    place[Symbol.dispose]();
    throw fileFailure('ENOENT', path);
  }

  /** Resolves a name that an operation changes. Preopened folders themselves belong to the embedder and are refused. */
  #named(path: string, reads: boolean): ResolvedPath {
    const place = this.#granted(path, false, reads, true);
    if (!this.#paths.isPreopen(place.stats)) return place;
    place[Symbol.dispose]();
    throw fileFailure('EBUSY', path, 'it is a folder that was opened');
  }

  #checkMove(source: ResolvedPath, target: ResolvedPath, asked: string): void {
    if (this.#paths.hasPreopenBelow(source.guestPath) || this.#paths.hasPreopenBelow(target.guestPath)) {
      throw fileFailure('EBUSY', asked, 'a folder was opened for it under one of the names');
    }
    checkContents(source, target, asked, {
      maxEntries: this.#limits.entries,
      looked: (before) => this.#looked(before),
      check: (action, guestPath) => this.#authority.check('filesystem', action, guestPath),
      isPreopen: (found) => this.#paths.isPreopen(found),
    });
  }

  #looked(before: number): void {
    if (before % ENTRIES_PER_CHECK === ENTRIES_PER_CHECK - 1) this.#checkTime?.();
  }

  /** Resolves a name of a second name for a file. A folder has only one. */
  #movable(path: string, isSource: boolean): ResolvedPath {
    const place = this.#named(path, isSource);
    try {
      if (place.stats === undefined && isSource) throw fileFailure('ENOENT', path);
      onlyMovable(place.stats, path);
      return place;
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
  }

  #granted(path: string, followEnd: boolean, reads: boolean, writes: boolean): ResolvedPath {
    const place = this.#paths.resolve(path, followEnd);
    try {
      if (reads) this.#authority.check('filesystem', 'read', place.guestPath);
      if (writes) this.#authority.check('filesystem', 'write', place.guestPath);
      return place;
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Checks that the opened file is the one that was authorised, because the host may have moved a folder or link
   * meanwhile.
   */
  #checkOpened(fd: number, place: ResolvedPath, path: string): void {
    const opened = fstatSync(fd);
    onlyRegular(opened, path);
    const before = place.stats;
    const same = before === undefined || (before.ino === opened.ino && before.dev === opened.dev);
    const { checkedPath } = place;
    const still = checkedPath === undefined || attempt(path, () => realpathSync(checkedPath)) === checkedPath;
    if (!same || !still) throw fileFailure('EACCES', path, 'it was changed while it was opened');
  }
}

/**
 * The flags for opening: never follow a link at the end, never wait for the other end of a FIFO, and never truncate
 * before the check.
 */
function flagsOf({ read, write, create, exclusive, truncate }: OpenMode): number {
  const writes = write === true || create === true || truncate === true;
  const access = writes ? (read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
  const making = create ? constants.O_CREAT | (exclusive ? constants.O_EXCL : 0) : 0;
  return access | making | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
}

/** As long as a path may be. */
const MAX_LINK = 4_096;

/** Whether a link's target goes up by more folders than there are. */
function climbs(target: string, depth: number): boolean {
  let left = depth;
  for (const segment of target.split(sep)) {
    if (segment === '..') left -= 1;
    else if (segment !== '' && segment !== '.') left += 1;
    if (left < 0) return true;
  }
  return false;
}

function onlyMovable(stats: Stats | undefined, path: string): void {
  if (stats !== undefined && !stats.isSymbolicLink()) onlyRegular(stats, path);
}

function onlyRegular(stats: Stats, path: string): void {
  if (stats.isFile()) return;
  if (stats.isSymbolicLink()) throw fileFailure('ELOOP', path, 'it is a link');
  const errno = stats.isDirectory() ? 'EISDIR' : 'EACCES';
  throw fileFailure(errno, path, stats.isDirectory() ? 'it is a folder' : 'it is neither a regular file nor a folder');
}

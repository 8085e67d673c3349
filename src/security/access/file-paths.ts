import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { sep } from 'node:path';
import type { Preopen } from '#core/ports/files';
import type { SecurityError } from '../errors.ts';
import { attempt, fileFailure } from './file-failure.ts';
import { FolderStep } from './folder-steps.ts';

/** The target of a component's path, after every link. Whoever has it disposes of it after use. */
export interface ResolvedPath extends Disposable {
  /** Valid until it is disposed of. */
  readonly hostPath: string;
  /** Where the target must still be after it was opened; undefined where `hostPath` cannot lead elsewhere. */
  readonly checkedPath: string | undefined;
  /** The target as the component would name it without links. Grants are checked on this path. */
  readonly guestPath: string;
  /** The number of folders between the preopen and the target. */
  readonly depth: number;
  /** The facts about the target; undefined when nothing is there yet. */
  readonly stats: Stats | undefined;
}

interface OpenedFolder {
  readonly guest: string;
  readonly host: string;
}

const MAX_PATH = 4_096;
const MAX_SEGMENTS = 64;
/** As Linux has it. */
const MAX_LINKS = 40;

/** Resolves a component's path, and refuses a target that is not under a preopen. */
export class PathResolver {
  readonly #preopens: readonly OpenedFolder[];

  constructor(preopens: readonly Preopen[]) {
    this.#preopens = preopens
      .map(({ guestPath, hostPath }) => ({ guest: trimSlashes(guestPath), host: real(hostPath, guestPath) }))
      // The longest first: `/data/own` before `/data`.
      .toSorted((a, b) => b.guest.length - a.guest.length);
  }

  /**
   * Walks from the preopen to the target, one folder after the other, and never above the preopen: `..` goes back the way that was
   * come, and links are followed here, not by the system. For an operation on the name itself (remove, rename) the end is not followed.
   * @throws {SecurityError} `SECURITY_FILE_FAILED` with `errno` `EACCES` for a path that leaves the preopen, `ENOENT`,
   * `ENOTDIR`, …
   */
  resolve(guestPath: string, followEnd: boolean): ResolvedPath {
    const path = checkPath(guestPath);
    const preopen = this.#covering(path);
    if (preopen === undefined) throw fileFailure('EACCES', guestPath, 'it lies under no folder that was opened for it');
    const walk = new Walk(preopen.host, guestPath);
    try {
      const end = walk.follow(path.slice(preopen.guest.length + 1), followEnd);
      return this.#target(preopen, walk, end, guestPath);
    } catch (error) {
      walk[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether it is a preopened folder, under any path. */
  isPreopen(found: Stats | undefined): boolean {
    if (found?.isDirectory() !== true) return false;
    return this.#preopens.some(({ host }) => {
      const preopen = statSync(host, { throwIfNoEntry: false });
      return preopen?.ino === found.ino && preopen.dev === found.dev;
    });
  }

  /** Whether a folder is opened under a name that lies below this one. */
  hasPreopenBelow(guestPath: string): boolean {
    return this.#preopens.some(({ guest }) => guest.startsWith(`${guestPath}/`));
  }

  #covering(path: string): OpenedFolder | undefined {
    return this.#preopens.find(({ guest }) => path === guest || path.startsWith(`${guest}/`));
  }

  #target(preopen: OpenedFolder, walk: Walk, end: string | undefined, asked: string): ResolvedPath {
    const names = end === undefined ? walk.names : [...walk.names, end];
    const guestPath = [preopen.guest, ...names].join('/') || '/';
    if (this.#covering(guestPath === '/' ? '' : guestPath) !== preopen) {
      throw fileFailure('EACCES', asked, 'another folder was opened for it under that name');
    }
    const { folder } = walk;
    const hostPath = folder.at(end);
    return {
      hostPath,
      checkedPath: folder.checked(end),
      guestPath,
      depth: Math.max(0, names.length - 1),
      stats: lstat(hostPath, asked),
      [Symbol.dispose]: () => walk[Symbol.dispose](),
    };
  }
}

/** The folders from a preopen to where a path has come. */
class Walk implements Disposable {
  readonly names: string[] = [];
  readonly #folders: FolderStep[];
  readonly #asked: string;
  /** Segments that are still to go, the next one last. */
  readonly #left: string[] = [];
  #links = 0;

  constructor(preopen: string, asked: string) {
    this.#asked = asked;
    this.#folders = [attempt(asked, () => new FolderStep(preopen))];
  }

  get folder(): FolderStep {
    return this.#folders.at(-1) as FolderStep;
  }

  /** Goes along a path; returns the name at its end, where that is to be looked for in `folder`, or undefined for `folder` itself. */
  follow(path: string, followEnd: boolean): string | undefined {
    this.#add(path);
    for (let name = this.#left.pop(); name !== undefined; name = this.#left.pop()) {
      if (name === '.') continue;
      if (name === '..') this.#leave();
      else if (this.#left.length > 0) this.#enter(name);
      else if (!followEnd || lstat(this.folder.at(name), this.#asked)?.isSymbolicLink() !== true) return name;
      else this.#followLink(name);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    for (const folder of this.#folders.splice(0)) folder[Symbol.dispose]();
  }

  #add(path: string): void {
    const segments = path.split('/').filter((segment) => segment !== '');
    // What a slash follows has to be a folder, as what `.` follows.
    if (path.endsWith('/')) segments.push('.');
    if (segments.length + this.#left.length + this.names.length > MAX_SEGMENTS) {
      const errno = this.#links > 0 ? 'ELOOP' : 'ENAMETOOLONG';
      throw fileFailure(errno, this.#asked, `it has more than ${MAX_SEGMENTS} segments`);
    }
    this.#left.push(...segments.toReversed());
  }

  #leave(): void {
    if (this.names.length === 0) throw leadsOut(this.#asked);
    this.names.pop();
    this.#folders.pop()?.[Symbol.dispose]();
  }

  #enter(name: string): void {
    let entered: FolderStep;
    try {
      entered = new FolderStep(this.folder.at(name));
    } catch (cause) {
      if (!isErrno(cause, 'ENOTDIR') || lstat(this.folder.at(name), this.#asked)?.isSymbolicLink() !== true) {
        throw fileFailure(cause, this.#asked);
      }
      this.#followLink(name);
      return;
    }
    this.#folders.push(entered);
    this.names.push(name);
  }

  #followLink(name: string): void {
    this.#links += 1;
    if (this.#links > MAX_LINKS) throw fileFailure('ELOOP', this.#asked, `it leads over more than ${MAX_LINKS} links`);
    const target = attempt(this.#asked, () => readlinkSync(this.folder.at(name)));
    if (target === '' || isAbsolute(target)) throw leadsOut(this.#asked);
    this.#add(sep === '\\' ? target.replaceAll(sep, '/') : target);
  }
}

/** The root of a disk, or a path that begins with one, is outside of any preopen. */
export function isAbsolute(target: string): boolean {
  return target.startsWith('/') || (sep === '\\' && /^(?:\\|[A-Za-z]:)/.test(target));
}

function isErrno(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}

function checkPath(path: string): string {
  if (!path.startsWith('/') || path.length > MAX_PATH || path.includes('\0') || (sep === '\\' && path.includes('\\'))) {
    throw fileFailure('EINVAL', path, 'it is not an absolute path of fitting length');
  }
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => `/${segment}`)
    .join('');
}

function lstat(path: string, guestPath: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw fileFailure(cause, guestPath);
  }
}

function real(path: string, guestPath: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw fileFailure(cause, guestPath);
  }
}

function leadsOut(guestPath: string): SecurityError {
  return fileFailure('EACCES', guestPath, 'it leads out of the folder that was opened for it');
}

function trimSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}

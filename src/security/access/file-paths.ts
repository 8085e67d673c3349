import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { sep } from 'node:path';
import type { Preopen } from '#core/ports/files';
import type { SecurityError } from '../errors.ts';
import { fileFailure } from './file-failure.ts';

/** The target of a component's path, after every link. */
export interface ResolvedPath {
  readonly hostPath: string;
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
   * Follows the links in a path. For an operation on the name itself (remove, rename) the end is not followed.
   * @throws {SecurityError} `SECURITY_FILE_FAILED` with `errno` `EACCES` for a path that leaves the preopen, `ENOENT`,
   * `ENOTDIR`, …
   */
  resolve(guestPath: string, followEnd: boolean): ResolvedPath {
    const path = checkPath(guestPath);
    const preopen = this.#covering(path);
    if (preopen === undefined) throw fileFailure('EACCES', guestPath, 'it lies under no folder that was opened for it');
    const segments = path
      .slice(preopen.guest.length + 1)
      .split('/')
      .filter(Boolean);
    const end = segments.pop();
    let place = preopen.host;
    // Resolve one folder after the other, so that a component cannot find out what exists outside.
    for (const segment of segments) {
      const folder = this.#at(preopen, followed(child(place, segment), guestPath), guestPath);
      if (folder.stats?.isDirectory() === false) throw fileFailure('ENOTDIR', guestPath);
      place = folder.hostPath;
    }
    if (end === undefined) return this.#at(preopen, place, guestPath);
    place = child(place, end);
    const link = followEnd && lstat(place, guestPath)?.isSymbolicLink() === true;
    return this.#at(preopen, link ? followed(place, guestPath) : place, guestPath);
  }

  /** Whether it is a preopened folder, under any path. */
  isPreopen(hostPath: string): boolean {
    return this.#preopens.some(({ host }) => host === hostPath);
  }

  #covering(path: string): OpenedFolder | undefined {
    return this.#preopens.find(({ guest }) => path === guest || path.startsWith(`${guest}/`));
  }

  #at(preopen: OpenedFolder, place: string, guestPath: string): ResolvedPath {
    const inside = preopen.host.endsWith(sep) ? preopen.host : preopen.host + sep;
    if (place !== preopen.host && !place.startsWith(inside)) throw leadsOut(guestPath);
    const below = place.slice(inside.length).replaceAll(sep, '/');
    const named = below === '' ? preopen.guest || '/' : `${preopen.guest}/${below}`;
    if (this.#covering(named === '/' ? '' : named) !== preopen) {
      throw fileFailure('EACCES', guestPath, 'another folder was opened for it under that name');
    }
    return {
      hostPath: place,
      guestPath: named,
      depth: below === '' ? 0 : below.split('/').length - 1,
      stats: lstat(place, guestPath),
    };
  }
}

/**
 * Checks that a path has only one spelling. `.` and `..` are refused, because the meaning of `..` depends on links that
 * may change.
 */
function checkPath(path: string): string {
  if (!path.startsWith('/') || path.length > MAX_PATH || path.includes('\0') || (sep === '\\' && path.includes('\\'))) {
    throw fileFailure('EINVAL', path, 'it is not an absolute path of fitting length');
  }
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.length > MAX_SEGMENTS)
    throw fileFailure('ENAMETOOLONG', path, `it has more than ${MAX_SEGMENTS} segments`);
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    throw fileFailure('EINVAL', path, 'it has a segment . or ..');
  }
  return segments.map((segment) => `/${segment}`).join('');
}

function child(folder: string, name: string): string {
  return folder.endsWith(sep) ? `${folder}${name}` : `${folder}${sep}${name}`;
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

/** Follows a link; returns the place unchanged when it is not a link. */
function followed(place: string, guestPath: string): string {
  if (lstat(place, guestPath)?.isSymbolicLink() !== true) return real(place, guestPath);
  try {
    return realpathSync(place);
  } catch {
    // A different error for a broken link would reveal what exists outside.
    throw leadsOut(guestPath);
  }
}

function leadsOut(guestPath: string): SecurityError {
  return fileFailure('EACCES', guestPath, 'a link leads nowhere, or out of the folder that was opened for it');
}

function trimSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}

import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { sep } from 'node:path';
import type { Preopen } from '#core/ports/files';
import type { SecurityError } from '../errors.ts';
import { fileFailure } from './file-failure.ts';

/** Where a component's path leads, after every link. */
export interface ResolvedPath {
  readonly hostPath: string;
  /** The same place as the component would name it without links: what grants are checked on. */
  readonly guestPath: string;
  /** Folders between the preopen and the place itself. */
  readonly depth: number;
  /** What is there; undefined when there is nothing yet. */
  readonly stats: Stats | undefined;
}

interface OpenedFolder {
  readonly guest: string;
  readonly host: string;
}

const MAX_PATH = 4_096;
const MAX_SEGMENTS = 64;

/** Finds the place that a component's path leads to, and refuses any that is not under a preopen. */
export class PathResolver {
  readonly #preopens: readonly OpenedFolder[];

  constructor(preopens: readonly Preopen[]) {
    this.#preopens = preopens
      .map(({ guestPath, hostPath }) => ({ guest: trimSlashes(guestPath), host: real(hostPath, guestPath) }))
      // The longest first: `/data/own` before `/data`.
      .toSorted((a, b) => b.guest.length - a.guest.length);
  }

  /**
   * Follows links in all of the path but, for a verb that is about the name itself (remove, rename), its end.
   * @throws {SecurityError} `SECURITY_FILE_FAILED` with `errno` `EACCES` for what leaves the preopen, `ENOENT`, `ENOTDIR`, …
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
    // One folder after the other: whether something exists outside is nobody's business.
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

  /** Whether it is a folder that was opened, under whatever path. */
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

/** One spelling of a path. `.` and `..` are refused: what `..` means depends on links that may change. */
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

/** Where a link leads, or what is no link itself. */
function followed(place: string, guestPath: string): string {
  if (lstat(place, guestPath)?.isSymbolicLink() !== true) return real(place, guestPath);
  try {
    return realpathSync(place);
  } catch {
    // Told apart from a link that leads out, it would say what there is outside.
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

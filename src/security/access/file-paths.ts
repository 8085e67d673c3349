import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { sep } from 'node:path';
import type { Preopen } from '#core';
import { fileFailure } from './file-failure.ts';

/** Where a component's path leads, after every link. */
export interface ResolvedPath {
  readonly hostPath: string;
  /** The same place as the component would name it without links: what grants are checked on. */
  readonly guestPath: string;
  /** What is there; undefined when there is nothing yet. */
  readonly stats: Stats | undefined;
}

const MAX_PATH = 4_096;
const MAX_SEGMENTS = 64;

/** Finds the place that a component's path leads to, and refuses any that is not under a preopen. */
export class PathResolver {
  readonly #preopens: readonly { readonly guest: string; readonly host: string }[];

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
    const preopen = this.#preopens.find(({ guest }) => path === guest || path.startsWith(`${guest}/`));
    if (preopen === undefined) throw fileFailure('EACCES', guestPath, 'it lies under no folder that was opened for it');
    const segments = path
      .slice(preopen.guest.length + 1)
      .split('/')
      .filter(Boolean);
    const end = segments.pop();
    let place = preopen.host;
    // One folder after the other: whether something exists outside is nobody's business.
    for (const segment of segments)
      place = this.#at(preopen, real(child(place, segment), guestPath), guestPath).hostPath;
    if (end === undefined) return this.#at(preopen, place, guestPath);
    place = child(place, end);
    const link = lstat(place, guestPath)?.isSymbolicLink() === true;
    return this.#at(preopen, link && followEnd ? real(place, guestPath) : place, guestPath);
  }

  #at(preopen: { guest: string; host: string }, place: string, guestPath: string): ResolvedPath {
    const inside = preopen.host.endsWith(sep) ? preopen.host : preopen.host + sep;
    if (place !== preopen.host && !place.startsWith(inside)) {
      throw fileFailure('EACCES', guestPath, 'a link leads out of the folder that was opened for it');
    }
    const below = place.slice(inside.length).replaceAll(sep, '/');
    return {
      hostPath: place,
      guestPath: below === '' ? preopen.guest || '/' : `${preopen.guest}/${below}`,
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

function trimSlashes(path: string): string {
  return path.replace(/\/+$/, '');
}

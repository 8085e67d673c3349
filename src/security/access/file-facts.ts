import type { Stats } from 'node:fs';

export interface FileEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
}

/**
 * The facts about a file that a component may see. Times are whole milliseconds since 1970, because finer ones would be
 * a clock that nobody granted.
 */
export interface FileFacts {
  readonly kind: FileEntry['kind'];
  readonly size: number;
  readonly links: number;
  readonly accessedMs: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  /** Equal for two paths that lead to the same file. */
  readonly identity: string;
}

/** Milliseconds since 1970. */
export interface FileTimes {
  readonly accessedMs: number;
  readonly modifiedMs: number;
}

export function kindOf(found: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): FileEntry['kind'] {
  if (found.isFile()) return 'file';
  if (found.isDirectory()) return 'folder';
  return found.isSymbolicLink() ? 'link' : 'other';
}

export function factsOf(stats: Stats): FileFacts {
  return {
    kind: kindOf(stats),
    size: stats.size,
    links: stats.nlink,
    accessedMs: Math.floor(stats.atimeMs),
    modifiedMs: Math.floor(stats.mtimeMs),
    changedMs: Math.floor(stats.ctimeMs),
    identity: `${stats.dev}:${stats.ino}`,
  };
}

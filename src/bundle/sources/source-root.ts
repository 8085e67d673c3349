import { lstat, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { openRegular, UnusableFile } from '#files';
import { pathProblem } from '../lockfile/model.ts';

/**
 * Reads files for rows of a database that name a path and hold no content. The database may be hostile: what lies outside
 * the folder, or behind a link, or is no regular file, is not read.
 */
export class SourceRoot {
  readonly #folder: string;
  readonly #limit: number;

  private constructor(folder: string, limit: number) {
    this.#folder = folder;
    this.#limit = limit;
  }

  /** @param limit most bytes of one file. */
  static async open(folder: string, limit: number): Promise<SourceRoot> {
    return new SourceRoot(await realpath(folder), limit);
  }

  /** The file's bytes, or the reason why it is not read. */
  async read(path: string): Promise<Uint8Array | string> {
    const problem = pathProblem(path);
    if (problem !== undefined) return `its path ${problem}`;
    const file = join(this.#folder, ...path.split(sep === '\\' ? /[/\\]/ : '/'));
    try {
      // A path without links is its own real path.
      if ((await realpath(file)) !== file) return 'its path leads through a link';
      const before = await lstat(file);
      await using handle = await openRegular(file, { links: 'refuse' });
      const stats = await handle.stat();
      // A folder on the way that was replaced by a link after the first look leads to another file.
      if (stats.ino !== before.ino || stats.dev !== before.dev) return 'its path changed while it was read';
      if (stats.size > this.#limit) return `its file has more than ${this.#limit} bytes`;
      return await handle.readFile();
    } catch (error) {
      if (error instanceof UnusableFile) return 'its path is not a regular file';
      return 'its file cannot be read';
    }
  }
}

import { lstat, realpath } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { openRegular, UnusableFile } from '#files';
import { pathProblem } from '../lockfile/model.ts';

/**
 * Reads files for rows of a database that name a path and have no content. The database may be hostile: only regular
 * files inside the folder are read, without links on the path.
 */
export class SourceRoot {
  /** The folder as it was named, and its real path. An absolute path may begin with either. */
  readonly prefixes: readonly string[];
  readonly #folder: string;
  readonly #limit: number;

  private constructor(named: string, folder: string, limit: number) {
    this.prefixes = [...new Set([named, folder])];
    this.#folder = folder;
    this.#limit = limit;
  }

  /** @param limit the most bytes of one file */
  static async open(folder: string, limit: number): Promise<SourceRoot> {
    return new SourceRoot(resolve(folder), await realpath(folder), limit);
  }

  /** Makes an absolute path relative to this folder, and says which prefix it had; `undefined` if it is elsewhere. */
  below(path: string): { readonly path: string; readonly prefix: number } | undefined {
    const prefix = this.prefixes.findIndex((each) => path.startsWith(each.endsWith(sep) ? each : each + sep));
    if (prefix === -1) return undefined;
    const rest = path.slice((this.prefixes[prefix] as string).length).replace(/^[/\\]/, '');
    return pathProblem(rest) === undefined ? { path: rest, prefix } : undefined;
  }

  /** Returns the file's bytes, or the reason why it is not read. */
  async read(path: string): Promise<Uint8Array | string> {
    const problem = pathProblem(path);
    if (problem !== undefined) return `its path ${problem}`;
    const file = join(this.#folder, ...path.split(sep === '\\' ? /[/\\]/ : '/'));
    try {
      // A path without links equals its real path.
      if ((await realpath(file)) !== file) return 'its path leads through a link';
      const before = await lstat(file);
      await using handle = await openRegular(file, { links: 'refuse' });
      const stats = await handle.stat();
      // If a folder on the path was replaced by a link after the first check, the file is another one.
      if (stats.ino !== before.ino || stats.dev !== before.dev) return 'its path changed while it was read';
      if (stats.size > this.#limit) return `its file has more than ${this.#limit} bytes`;
      return await handle.readFile();
    } catch (error) {
      if (error instanceof UnusableFile) return 'its path is not a regular file';
      return 'its file cannot be read';
    }
  }
}

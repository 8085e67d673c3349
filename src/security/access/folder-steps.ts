import { closeSync, constants, existsSync, lstatSync, openSync } from 'node:fs';
import { join } from 'node:path';

/** Opens a folder to name what is in it, which needs no permission to list it; the same number on all architectures of Node's. */
const O_PATH = 0o10000000;
const DESCRIPTORS = '/proc/self/fd';
const BY_DESCRIPTOR = process.platform === 'linux' && existsSync(DESCRIPTORS);

/**
 * A folder that a path has come to. On Linux it is open, and what is in it is named through its descriptor: a folder or link that
 * somebody else puts in its place, or in that of one above it, changes nothing any more. Elsewhere it is named by its path.
 */
export class FolderStep implements Disposable {
  readonly #fd: number | undefined;
  readonly #path: string;

  /** @throws `ENOTDIR` for a link, too */
  constructor(path: string) {
    if (BY_DESCRIPTOR) {
      this.#fd = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      this.#path = `${DESCRIPTORS}/${this.#fd}`;
    } else {
      if (!lstatSync(path).isDirectory()) throw Object.assign(new Error('it is not a folder'), { code: 'ENOTDIR' });
      this.#path = path;
    }
  }

  /** The host's path of what is called so in it; of itself without a name. */
  at(name = '.'): string {
    return this.#fd === undefined ? join(this.#path, name) : `${this.#path}/${name}`;
  }

  /** Where something is that was found by this path, for a check after its use; undefined where nothing can have changed. */
  checked(name = '.'): string | undefined {
    return this.#fd === undefined ? this.at(name) : undefined;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

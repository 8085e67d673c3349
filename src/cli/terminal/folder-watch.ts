import { existsSync, type FSWatcher, watch } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

/** How a folder is watched, and who is told. */
export interface FolderChanges {
  /** Whether the folders in it are watched as well. */
  readonly recursive?: boolean;
  /** Given the path of what changed, relative to the folder. */
  readonly changed: (file: string) => void;
  /** Called when the folder was replaced or made anew, so that anything in it may have changed. */
  readonly replaced: () => void;
  /** Called when the folder cannot be watched any more. */
  readonly lost: (error: unknown) => void;
}

/** How often the nearest folder is looked for while folders are being made. */
const LOOKS = 10;

/**
 * Watches a folder by its path. Builds delete the folder of their output and make it again, which a watch of the folder itself would not
 * outlive: the folder above it is watched for that, or the nearest one that exists.
 */
export class FolderWatch implements Disposable {
  readonly #folder: string;
  readonly #changes: FolderChanges;
  #watchers: readonly FSWatcher[] = [];

  /** @throws what `fs.watch` throws for a folder that cannot be watched */
  constructor(folder: string, changes: FolderChanges) {
    this.#folder = resolve(folder);
    this.#changes = changes;
    this.#watchers = [this.#watchInside(), this.#watchAbove()];
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  #watchInside(): FSWatcher {
    const name = basename(this.#folder);
    const { recursive = false, changed } = this.#changes;
    const watcher = watch(this.#folder, { recursive }, (event, file) => {
      if (file !== null) changed(file);
      // A watched folder that is deleted or moved tells so by its own name.
      if (event === 'rename' && file === name) this.#renew();
    });
    return watcher.on('error', () => this.#renew());
  }

  /** Watches the nearest folder above that exists for the part of the path that follows. */
  #watchAbove(looks = LOOKS): FSWatcher {
    const parent = dirname(this.#folder);
    let above = parent;
    while (!existsSync(above) && above !== dirname(above)) above = dirname(above);
    const own = basename(above);
    const [next = ''] = relative(above, this.#folder).split(sep);
    try {
      const watcher = watch(above, (event, file) => {
        if (event === 'rename' && (file === next || file === own)) this.#renew();
      });
      // What was made before the watch began is no event of it.
      if (above === parent || !existsSync(join(above, next))) return watcher.on('error', () => this.#renew());
      watcher.close();
    } catch (error) {
      if (looks === 0 || existsSync(above)) throw error;
    }
    if (looks === 0) throw new Error(`${this.#folder} does not stay as it is`);
    return this.#watchAbove(looks - 1);
  }

  #renew(): void {
    if (this.#watchers.length === 0) return;
    this[Symbol.dispose]();
    try {
      this.#watchers = [this.#watchAbove()];
      // After the folder above, so that a folder that is made meanwhile is an event of that one.
      if (!existsSync(this.#folder)) return;
      this.#watchers = [...this.#watchers, this.#watchInside()];
    } catch (error) {
      this.#changes.lost(error);
      return;
    }
    this.#changes.replaced();
  }
}

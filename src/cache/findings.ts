import { chmodSync } from 'node:fs';
import { messageOf } from '#core/errors';
import { isOpenToOthers } from './files.ts';
import { statOf } from './scan.ts';

/** What can be wrong with a cache. */
export type CacheProblem =
  /** A folder is a link, another user's, or missing its owner's rights. */
  | 'unsafe-folder'
  /** Others may read or write a file or folder. */
  | 'open-to-others'
  /** An entry cannot be read. */
  | 'unreadable'
  /** An entry is not an artifact file: truncated, damaged, a link, too large. */
  | 'damaged'
  /** An entry lies under another key's name. */
  | 'wrong-key'
  /** Neither this machine nor a trusted key stands for an entry. */
  | 'untrusted'
  /** The metadata of an entry is missing, or is not what the entry is. */
  | 'wrong-metadata'
  /** Metadata without an entry. */
  | 'orphan'
  /** A temporary file or a lock that nobody needs any more. */
  | 'leftover'
  /** Entries of a profile that nothing describes. */
  | 'unknown-profile'
  /** A file that is not the cache's. */
  | 'foreign'
  /** The disk is nearly full. */
  | 'low-space';

export interface CacheFinding {
  readonly path: string;
  readonly problem: CacheProblem;
  /** What is wrong, for people. */
  readonly message: string;
  /** What would mend it, for people. */
  readonly remedy: string;
  /** Whether it was mended now. */
  readonly fixed: boolean;
}

type Fix = () => void | Promise<void>;

/** Gathers what is wrong, and mends it where that is asked for. */
export class Findings {
  readonly #fix: boolean;
  readonly #all: CacheFinding[] = [];

  /** @param fix mend what can be mended */
  constructor(fix: boolean) {
    this.#fix = fix;
  }

  get all(): readonly CacheFinding[] {
    return this.#all;
  }

  async report(path: string, problem: CacheProblem, message: string, remedy: string, fix?: Fix): Promise<void> {
    let fixed = false;
    let said = message;
    if (this.#fix && fix !== undefined) {
      try {
        await fix();
        fixed = true;
      } catch (error) {
        said = `${message}; it could not be mended: ${messageOf(error)}`;
      }
    }
    this.#all.push({ path, problem, message: said, remedy, fixed });
  }

  async checkMode(path: string, mode: number): Promise<void> {
    const stat = statOf(path);
    if (stat === undefined || stat.isSymbolicLink() || !isOpenToOthers(stat.mode)) return;
    const what = `its mode is ${(stat.mode & 0o777).toString(8)}`;
    await this.report(path, 'open-to-others', what, `chmod ${mode.toString(8)}`, () => chmodSync(path, mode));
  }
}

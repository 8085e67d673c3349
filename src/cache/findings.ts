import { chmodSync } from 'node:fs';
import { messageOf } from '#core/errors';
import { isOpenToOthers } from './files.ts';
import { statOf } from './scan.ts';

/** The problems that a cache can have. */
export type CacheProblem =
  /** A folder is a link, belongs to another user, or denies its owner access. */
  | 'unsafe-folder'
  /** Others may read or write a file or folder. */
  | 'open-to-others'
  /** An entry cannot be read. */
  | 'unreadable'
  /** An entry is not an artifact file: it is truncated, damaged, a link or too large. */
  | 'damaged'
  /** An entry has the name of another key. */
  | 'wrong-key'
  /** Neither this machine nor a trusted key has sealed an entry. */
  | 'untrusted'
  /** The metadata of an entry is missing or does not match the entry. */
  | 'wrong-metadata'
  /** Metadata has no entry. */
  | 'orphan'
  /** A temporary file or a lock is left that nobody needs any more. */
  | 'leftover'
  /** Entries belong to a profile that nothing describes. */
  | 'unknown-profile'
  /** A file does not belong to the cache. */
  | 'foreign'
  /** The disk is nearly full. */
  | 'low-space';

export interface CacheFinding {
  readonly path: string;
  readonly problem: CacheProblem;
  /** The problem, for people. */
  readonly message: string;
  /** What would solve it, for people. */
  readonly remedy: string;
  /** Whether it was solved now. */
  readonly fixed: boolean;
}

type Fix = () => void | Promise<void>;

/** Collects problems, and solves them if requested. */
export class Findings {
  readonly #fix: boolean;
  readonly #all: CacheFinding[] = [];

  /** @param fix whether to solve problems */
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

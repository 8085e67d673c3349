import { IntList } from '../int-list.ts';

/** No branch to the label was read yet. */
export const UNREACHED = -1;

/** The open labels while a body is surveyed, as parallel stacks indexed by depth. */
export class OpenLabels {
  depth = 0;
  /** The cost of the first path to the label, with which all other paths are compared. */
  readonly bases: IntList = new IntList();
  /** The cost at the entry of the label, and so at the entry of its `else`. */
  readonly entries: IntList = new IntList();
  /** The loop whose head the label is, or `NO_LOOP`. */
  readonly loops: IntList = new IntList();
  /** Whether control skips the label's body when an `if` without `else` is not taken. */
  readonly bare: IntList = new IntList();

  push(base: number, entry: number, loop: number, bare: boolean): void {
    const at = this.depth++;
    this.bases.set(at, base);
    this.entries.set(at, entry);
    this.loops.set(at, loop);
    this.bare.set(at, bare ? 1 : 0);
  }
}

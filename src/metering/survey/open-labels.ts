import { IntList } from '../int-list.ts';

/** No branch to the label has been read. */
export const UNREACHED = -1;

/** The labels that are open while a body is surveyed: parallel stacks, indexed by depth. */
export class OpenLabels {
  depth = 0;
  /** The cost of the first way to it, which all others are held against. */
  readonly bases: IntList = new IntList();
  /** The cost at its entry, and so at that of its `else`. */
  readonly entries: IntList = new IntList();
  /** The loop that it heads, or `NO_LOOP`. */
  readonly loops: IntList = new IntList();
  /** Whether control goes past it when an `if` without `else` is not taken. */
  readonly bare: IntList = new IntList();

  push(base: number, entry: number, loop: number, bare: boolean): void {
    const at = this.depth++;
    this.bases.set(at, base);
    this.entries.set(at, entry);
    this.loops.set(at, loop);
    this.bare.set(at, bare ? 1 : 0);
  }
}

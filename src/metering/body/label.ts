/** No deferred cost is known yet, because nothing has branched to the label. */
export const UNSET = -1;

/** A label. `base` is the deferred cost when control arrives there; every path to the label has the same one. */
export class Label {
  opcode = 0;
  base: number = UNSET;
  /** Whether some path leads to the label. */
  reached = false;
  /** The deferred cost at the entry of an `if`, and so of its `else`. */
  entry = 0;
  /** Exceptions arrive here: the counter is in the shared cell and no cost is deferred. */
  viaCell = false;
  /** Exceptions that a host has thrown may arrive here as references. */
  keepsHosts = false;
  hasElse = false;
  /** The number of blocks that were open in the output, including this one. */
  level = 0;
  /** The largest unchecked cost of callees, at the entry and where control arrives at the label. */
  unseenAtEntry = 0;
  unseen = 0;
  /**
   * Whether the budget was checked since the head of the enclosing loop, at the entry and on every path to the label.
   */
  checkedAtEntry = false;
  checked = true;
  /** Set when this label closes one copy of a loop's body. */
  copies: LoopCopies | undefined;
  /** Whether the stack reserve was ensured before this loop, for the host functions that it calls. */
  hasReserve = false;
  /** Whether branches to the label carry values. */
  carries = false;
}

/** A loop whose body is being written, possibly several times. A branch back leads to the end of the current copy. */
export interface LoopCopies {
  readonly number: number;
  readonly unseenBefore: number;
  /** The offset at which the loop's body begins in the module. */
  readonly body: number;
  readonly copies: number;
  /** How many copies are still to be written. */
  left: number;
  readonly paid: boolean;
  readonly firstHint: number;
  readonly firstLoop: number;
  readonly loop: Label;
  readonly exit: Label;
  readonly hasResult: boolean;
  readonly hasReserve: boolean;
  /** Whether the budget was checked since the head of the enclosing loop. */
  readonly checkedBefore: boolean;
}

/** The open labels while a body is rewritten. Each depth has one object that is reused. */
export class LabelStack {
  depth = 0;
  readonly #labels: Label[] = [];

  get top(): Label {
    return this.#labels[this.depth - 1] as Label;
  }

  /** Returns the label that `depth` names, counted outwards. */
  out(depth: number): Label | undefined {
    return this.#labels[this.depth - 1 - depth];
  }

  /** Opens a label. Its object still has the state that its last use at this depth left. */
  push(): Label {
    if (this.depth === this.#labels.length) this.#labels.push(new Label());
    return this.#labels[this.depth++] as Label;
  }

  /** Closes the innermost label. The object keeps its state until another label opens at this depth. */
  pop(): void {
    this.depth--;
  }
}

/** No pending cost is known yet: nothing has branched to the label. */
export const UNSET = -1;

/** A label. `base` is the cost that is pending when control arrives there, the same on every way to it. */
export class Label {
  opcode = 0;
  base: number = UNSET;
  /** Some way leads to it. */
  reached = false;
  /** What is pending at the entry of an `if`, and so of its `else`. */
  entry = 0;
  /** Exceptions arrive here: the counter is in the shared cell and nothing is pending. */
  viaCell = false;
  /** Among them those that a host has thrown, as references. */
  keepsHosts = false;
  hasElse = false;
  /** How many blocks were open in the output, this one among them. */
  level = 0;
  /** The most that callees have run unseen: at the entry, and where control arrives at the label. */
  unseenAtEntry = 0;
  unseen = 0;
  /** Whether the budget was looked at since the head of the loop around: at the entry, and on every way to the label. */
  lookedAtEntry = false;
  looked = true;
  /** Of a copy of a loop's body. */
  turn: LoopTurn | undefined;
  /** Of a loop before which room was made for what the host does in it. */
  isRoomy = false;
  /** Branches to it carry values. */
  carries = false;
}

/** A loop whose body is being written, once or several times: a branch back leads to the end of the copy. */
export interface LoopTurn {
  readonly number: number;
  readonly unseenBefore: number;
  /** Where its body begins. */
  readonly body: number;
  readonly copies: number;
  /** Copies that are still to be written. */
  left: number;
  readonly paid: boolean;
  readonly firstHint: number;
  readonly firstLoop: number;
  readonly loop: Label;
  readonly exit: Label;
  readonly hasResult: boolean;
  readonly isRoomy: boolean;
  /** Whether the budget was looked at since the head of the loop around this one. */
  readonly lookedBefore: boolean;
}

/** The labels that are open while a body is rewritten. Each depth has one object, which is used again. */
export class LabelStack {
  depth = 0;
  readonly #labels: Label[] = [];

  get top(): Label {
    return this.#labels[this.depth - 1] as Label;
  }

  /** The label `depth` out. */
  out(depth: number): Label | undefined {
    return this.#labels[this.depth - 1 - depth];
  }

  /** Opens one, with what the last one at this depth has left in it. */
  push(): Label {
    if (this.depth === this.#labels.length) this.#labels.push(new Label());
    return this.#labels[this.depth++] as Label;
  }

  /** Closes the innermost. It stays as it is until another is opened. */
  pop(): void {
    this.depth--;
  }
}

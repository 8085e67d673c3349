/** No pending cost is known yet: nothing has branched to the label. */
export const UNSET = Number.MIN_SAFE_INTEGER;

/** A label. `base` is the cost that is pending when control arrives there, the same on every way to it. */
export interface Label {
  readonly opcode: number;
  base: number;
  /** Some way leads to it. */
  reached: boolean;
  /** What is pending at the entry of an `if`, and so of its `else`. */
  readonly entry: number;
  /** Exceptions arrive here: the counter is in the shared cell and nothing is pending. */
  readonly viaCell: boolean;
  hasElse: boolean;
  /** How many blocks were open in the output, this one among them. */
  readonly level: number;
  /** The most that callees have run unseen: at the entry, and where control arrives at the label. */
  readonly unseenAtEntry: number;
  unseen: number;
  /** Of a loop that only computes, and of the copies of its body. */
  simple: SimpleLoop | undefined;
  /** Of a loop before which room was made for what the host does in it. */
  isRoomy: boolean;
  /** Branches to it carry values. */
  carries: boolean;
}

export interface SimpleLoop {
  readonly body: number;
  /** Copies of the body that are still to be written. */
  copies: number;
  readonly paid: boolean;
  readonly firstHint: number;
  readonly loop: Label;
  readonly exit: Label;
  /** The refill stands in a loop around it. */
  readonly outside: boolean;
  readonly hasResult: boolean;
}

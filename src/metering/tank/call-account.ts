import type { Account, CallBudget } from '#core/ports/meter';

/** Where a tank stood with one of several calls when it ceased to charge it. */
export class CallAccount implements Account {
  readonly budget: CallBudget;
  /** Whether anything was charged to it. */
  isOpen = false;
  /** The fuel handed out, and what is left of it. */
  given = 0;
  left = 0;
  isFirstSlice = true;
  sliceGiven = 0;
  /** Milliseconds since the call, and since its slice, began, without those in which others were charged. */
  ms = 0;
  sliceMs = 0;
  /** Whether fuel is counted. */
  readonly #counts: () => boolean;

  constructor(budget: CallBudget, counts: () => boolean) {
    this.budget = budget;
    this.#counts = counts;
  }

  get fuel(): bigint {
    return this.#counts() ? BigInt(this.given - this.left) : 0n;
  }
}

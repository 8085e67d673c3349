import type { Account, CallBudget } from '#core/ports/meter';

/** Where a tank stood with one of several calls when it ceased to charge it. Ten thousand calls may wait on one tank. */
export class CallAccount implements Account {
  readonly budget: CallBudget;
  /** The fuel handed out; undefined while nothing was charged to it. */
  given: number | undefined = undefined;
  /** What is left of that. */
  left = 0;
  /** Milliseconds since the call began, without those in which others were charged. */
  ms = 0;
  /** Its slice, if that is not the first: the fuel of it, and the milliseconds since it began, counted alike. */
  slice: { readonly given: number; readonly ms: number } | undefined = undefined;
  /** Whether fuel is counted. */
  readonly #counts: () => boolean;

  constructor(budget: CallBudget, counts: () => boolean) {
    this.budget = budget;
    this.#counts = counts;
  }

  get fuel(): bigint {
    return this.#counts() && this.given !== undefined ? BigInt(this.given - this.left) : 0n;
  }
}

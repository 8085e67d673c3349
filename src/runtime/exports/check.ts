import { Refusal } from './refusal.ts';

/**
 * Checks a value against a type. Answers a copy that holds only what was checked, and that is lowered in the value's place,
 * because a getter or a proxy of the caller could answer something else the next time.
 * @throws {Refusal}
 */
export type Check = (value: unknown, budget: CheckBudget) => unknown;

/**
 * The most values in one call's arguments, or in one answer. A list that holds one object again and again is small for the
 * code that makes it, and almost endless for the code that walks it.
 */
const MOST_VALUES = 2 ** 24;

/** Counts the values that are checked in the arguments of one call, or in one answer. */
export class CheckBudget {
  #left = MOST_VALUES;

  take(values: number): void {
    this.#left -= values;
    if (!(this.#left >= 0)) throw new Refusal(`more than ${MOST_VALUES} values are given at once`);
  }
}

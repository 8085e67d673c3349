/**
 * What a metered module imports, in this order, behind its own imports. `suspend` suspends the guest's stack until its turn
 * may go on and answers a token; `resumed` is told the token right behind it, so that the turn takes its place again.
 */
export const HOOKS = {
  functions: ['refill', 'room', 'grow', 'allocate', 'suspend', 'resumed'],
  globals: ['fuel', 'heap'],
} as const;

/** What `refill` answers where the guest must suspend itself and then go on. */
export const YIELD = -1;
/** What `refill` answers where the import that was called must wait: the guest suspends itself and calls it again. */
export const WAIT = -2;

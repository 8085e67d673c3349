/**
 * The functions that a metered module imports, in this order, after its own imports. `suspend` suspends the guest's
 * stack until its turn may go on, and returns a token. The guest passes the token to `resumed` at once, so that its
 * turn becomes the running one again. Hooks exchange counters as f64: an i64 would be a BigInt for the host.
 */
export const HOOKS = {
  functions: ['refill', 'room', 'grow', 'allocate', 'suspend', 'resumed'],
  globals: ['fuel', 'heap'],
} as const;

/** `refill` returns this when the guest must suspend itself and then go on. */
export const YIELD = -1;
/**
 * `refill` returns this when the called import must wait: the guest suspends itself and then calls the import again.
 */
export const WAIT = -2;

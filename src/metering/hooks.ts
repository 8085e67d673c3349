/** What a metered module imports, in this order, behind its own imports. */
export const HOOKS = {
  functions: ['refill', 'room', 'grow', 'allocate'],
  globals: ['fuel', 'heap'],
} as const;

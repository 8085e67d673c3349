/** The module name of everything that metering imports and, with a dot, the start of what it exports. */
export const NAMESPACE = 'vivarium:metering';

/** What a metered module imports, in this order, behind its own imports. */
export const HOOKS = {
  functions: ['refill', 'room', 'grow', 'allocate'],
  globals: ['fuel', 'heap'],
} as const;

/** The export that runs a module's start function. */
export const START_EXPORT = `${NAMESPACE}.start`;

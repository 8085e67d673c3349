/**
 * Globals that generated code may name. Nothing here reaches files, the network, the process or a way to run text.
 * `TextDecoder` is a strict one of ours when the code runs (see `evaluate`).
 */
export const PERMITTED_GLOBALS: ReadonlySet<string> = new Set([
  ...[
    'Array',
    'ArrayBuffer',
    'BigInt',
    'BigInt64Array',
    'BigUint64Array',
    'Boolean',
    'DataView',
    'Error',
    'Float32Array',
  ],
  ...[
    'Float64Array',
    'Infinity',
    'Int16Array',
    'Int32Array',
    'Int8Array',
    'JSON',
    'Map',
    'Math',
    'NaN',
    'Number',
    'Object',
  ],
  ...['Promise', 'RangeError', 'Set', 'String', 'Symbol', 'TextDecoder', 'TextEncoder', 'TypeError', 'Uint16Array'],
  ...['Uint32Array', 'Uint8Array', 'WeakMap', 'WeakSet', 'WeakRef', 'WebAssembly', 'undefined', 'console', 'process'],
  ...[
    'globalThis',
    'queueMicrotask',
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'arguments',
    'URL',
    'fetch',
    'Response',
  ],
  // How the glue of a component that exports resources lets go of them.
  'FinalizationRegistry',
  // An undeclared name in jco 1.35's helper for lists of UTF-16 strings; reading it would throw.
  'vals',
]);

/**
 * Those that generated code may declare itself: it uses them nowhere. Any other that a component's name becomes (an
 * imported resource `promise` does) would be used in the place of the global, so that every call would end in a trap.
 */
export const MAY_BE_HIDDEN: ReadonlySet<string> = new Set(['URL', 'fetch', 'Response', 'vals']);

/** Properties by which an object leads to its function's constructor, and so to running text. */
export const FORBIDDEN_PROPERTIES: ReadonlySet<string> = new Set([
  'constructor',
  '__proto__',
  'caller',
  'callee',
  'mainModule',
  'binding',
  'getBuiltinModule',
]);

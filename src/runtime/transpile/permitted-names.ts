/**
 * The globals that generated code may name. At run time none of them reaches files, the network, the process or a way to run text:
 * `componentCode` shadows those that would, and replaces `TextDecoder` by a strict one.
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
  // The glue of a component that exports resources names it, to release collected ones.
  'FinalizationRegistry',
  // jco 1.35's helper for lists of UTF-16 strings uses this undeclared name; reading it would throw.
  'vals',
]);

/**
 * The globals that generated code may declare itself, because it uses them nowhere. If a component's name became any other global
 * (an imported resource `promise` would), the glue would use it instead of the global, and every call would end in a trap.
 */
export const MAY_BE_HIDDEN: ReadonlySet<string> = new Set(['URL', 'fetch', 'Response', 'vals']);

/** Properties through which code could reach the `Function` constructor or Node's internals, and so run text. */
export const FORBIDDEN_PROPERTIES: ReadonlySet<string> = new Set([
  'constructor',
  '__proto__',
  'caller',
  'callee',
  'mainModule',
  'binding',
  'getBuiltinModule',
]);

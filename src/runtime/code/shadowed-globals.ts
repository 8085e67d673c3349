/**
 * The globals of the host that generated code may name, each of which a harmless value shadows when the code runs; and `sliceMemory`,
 * `liftItem` and `callHost`, which our edits add to the code. This is a file of its own, so that a start from the cache does not load
 * the parser that checks generated code.
 */
export const SHADOWED_GLOBALS = [
  'process',
  'globalThis',
  'console',
  'fetch',
  'URL',
  'Response',
  'TextDecoder',
  'FinalizationRegistry',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'queueMicrotask',
  'sliceMemory',
  'liftItem',
  'callHost',
  'vals',
] as const;

/**
 * What generated code may name of the host, shadowed by a harmless value when it runs, and `sliceMemory`, `liftItem` and
 * `callHost`, which we put into it. By itself, so that a start from the cache does not load the parser that checks generated code.
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

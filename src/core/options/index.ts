export * as allow from './option-rules.ts';
export { checkOptions } from './options.ts';
export { parseBytes, parseDuration } from './units.ts';

export { type Address, parseAddress } from './address.ts';
export * as allow from './option-rules.ts';
export { checkOptions } from './options.ts';
export { type Fields, fields } from './table-fields.ts';
export { parseBytes, parseDuration } from './units.ts';

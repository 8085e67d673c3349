export { type AsciiBlock, AsciiText } from './ascii-text.ts';
export { boundedJson } from './bounded-json.ts';
export { type ForeignTextBounds, parseForeignJson } from './foreign-json.ts';
export { parseForeignToml } from './foreign-toml.ts';
export { GrowingBuffer } from './growing-buffer.ts';
export { shownData } from './shown-data.ts';
export { printable, shownPath, shownText, shownValue, UNSAFE_CHARACTERS } from './shown-value.ts';

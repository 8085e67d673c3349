/** Bounds on parsing a text from outside. */
export interface ForeignTextBounds {
  /** Bytes, or UTF-16 units of a string. */
  readonly maxLength: number;
  /** The nesting of lists and objects; 64 by default. */
  readonly maxDepth?: number;
  /**
   * The approximate number of values, each of which takes tens of bytes of V8's heap, however short its text; 100,000
   * by default.
   */
  readonly maxItems?: number;
}

/** The default depth and number of values. */
export const FOREIGN_TEXT_DEFAULTS = { maxDepth: 64, maxItems: 100_000 } as const;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Parses JSON from outside: from a file, a server, a database or a guest. Nothing else in `src` may call `JSON.parse`
 * on such text. Its size, depth and number of values are checked first in one pass that allocates nothing: without
 * this, 200 MB of opening brackets occupy the parser for sixteen seconds and eleven gigabytes before it fails.
 * @param text UTF-8, or a string
 * @param revive called as by `JSON.parse`, with the text of a number or other primitive in its third argument
 * @throws {RangeError} for text beyond the bounds
 * @throws {SyntaxError} for text that is not JSON
 * @throws {TypeError} for bytes that are not UTF-8
 */
export function parseForeignJson(text: string | Uint8Array, bounds: ForeignTextBounds, revive?: Revive): unknown {
  if (text.length > bounds.maxLength) throw tooLong(text.length, bounds.maxLength);
  const { maxDepth, maxItems } = { ...FOREIGN_TEXT_DEFAULTS, ...bounds };
  // A text shorter than both bounds can be neither too deep nor too large.
  if (text.length > Math.min(maxDepth, maxItems)) {
    const at = typeof text === 'string' ? unitsOf(text) : bytesOf(text);
    checkStructure(at, text.length, maxDepth, maxItems);
  }
  return JSON.parse(
    typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text),
    revive,
  );
}

type Revive = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

interface Characters {
  at(index: number): number;
  /** Returns the index of the next double quote, or -1. */
  quote(from: number): number;
}

// Outside of ASCII, no byte of UTF-8 and no unit of UTF-16 equals one of the searched characters.
const unitsOf = (text: string): Characters => ({
  at: (index) => text.charCodeAt(index),
  quote: (from) => text.indexOf('"', from),
});
const bytesOf = (bytes: Uint8Array): Characters => ({
  at: (index) => bytes[index] as number,
  quote: (from) => bytes.indexOf(QUOTE, from),
});

function checkStructure(text: Characters, length: number, maxDepth: number, maxItems: number): void {
  let depth = 0;
  let items = 0;
  for (let index = 0; index < length; index++) {
    const character = text.at(index);
    if (character === QUOTE) {
      index = endOfString(text, index);
      // The string is not closed, which the parser will report.
      if (index < 0) return;
    } else if (character === OPEN_LIST || character === OPEN_OBJECT) {
      if (++depth > maxDepth) throw new RangeError(`it nests deeper than ${maxDepth}`);
      items++;
    } else if (character === CLOSE_LIST || character === CLOSE_OBJECT) depth--;
    else if (character === COMMA) items++;
    if (items > maxItems) throw new RangeError(`it holds more than ${maxItems} values`);
  }
}

/**
 * Returns the index of the quote that ends a string, or -1. Each backslash is counted once, before the quote that
 * follows it.
 */
function endOfString(text: Characters, start: number): number {
  for (let end = text.quote(start + 1); end >= 0; end = text.quote(end + 1)) {
    let before = end - 1;
    while (text.at(before) === BACKSLASH) before--;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}

export function tooLong(length: number, maxLength: number): RangeError {
  return new RangeError(`it is ${length} characters long, more than ${maxLength}`);
}

/** What is parsed of a text from outside at most. */
export interface ForeignTextBounds {
  /** Bytes, or UTF-16 units of a string. */
  readonly maxLength: number;
  /** Lists and objects inside one another; 64 by default. */
  readonly maxDepth?: number;
  /** Values, about: each takes tens of bytes of V8's heap, however few of text; 100,000 by default. */
  readonly maxItems?: number;
}

/** How deep and how large a text may be when nobody says otherwise. */
export const FOREIGN_TEXT_DEFAULTS = { maxDepth: 64, maxItems: 100_000 } as const;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Parses JSON from outside: a file, a server, a database, a guest. Nothing else in `src` may call `JSON.parse` on such
 * text. Its size, depth and number of values are looked at first, in one pass that makes nothing: 200 MB of opened
 * brackets take the parser sixteen seconds and eleven gigabytes before it finds them unclosed.
 * @param text UTF-8, or a string
 * @param revive as `JSON.parse` calls it, with the text of a number or other primitive in its third argument
 * @throws {RangeError} for what is beyond the bounds
 * @throws {SyntaxError} for what is not JSON
 * @throws {TypeError} for bytes that are not UTF-8
 */
export function parseForeignJson(text: string | Uint8Array, bounds: ForeignTextBounds, revive?: Revive): unknown {
  if (text.length > bounds.maxLength) throw tooLong(text.length, bounds.maxLength);
  const { maxDepth, maxItems } = { ...FOREIGN_TEXT_DEFAULTS, ...bounds };
  // Shorter than it may be deep, it can be neither too deep nor too large.
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
  /** The next double quote, or -1. */
  quote(from: number): number;
}

// Outside of ASCII, a byte of UTF-8 and a unit of UTF-16 are never one of the characters that are looked for.
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
      // Not closed: that is for the parser to say.
      if (index < 0) return;
    } else if (character === OPEN_LIST || character === OPEN_OBJECT) {
      if (++depth > maxDepth) throw new RangeError(`it nests deeper than ${maxDepth}`);
      items++;
    } else if (character === CLOSE_LIST || character === CLOSE_OBJECT) depth--;
    else if (character === COMMA) items++;
    if (items > maxItems) throw new RangeError(`it holds more than ${maxItems} values`);
  }
}

/** The index of the quote that ends a string, or -1. Backslashes are counted once each: before the quote they precede. */
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

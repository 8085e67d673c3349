import { FOREIGN_TEXT_DEFAULTS, type ForeignTextBounds, tooLong } from './foreign-json.ts';

/**
 * The most dots of a line outside of strings. `a.a.a.a` makes a table for every two bytes, and the parser's limit on
 * depth does not count these.
 */
const MAX_DOTS = 16;
/** Characters that make a value or a table, or end one and begin the next. */
const ITEMS = new Set(['=', ',', '[', '{', '.']);

/**
 * Parses TOML from outside with the given parser, because core has no dependencies. Nothing else in `src` may call a
 * TOML parser. Size, dots and the number of values are checked first in one pass; the parser itself limits the depth.
 * @throws {RangeError} for text beyond the bounds
 * @throws what `parse` throws for text that is not TOML
 */
export function parseForeignToml<T>(
  text: string,
  bounds: ForeignTextBounds,
  parse: (text: string, options: { readonly maxDepth: number }) => T,
): T {
  if (text.length > bounds.maxLength) throw tooLong(text.length, bounds.maxLength);
  const { maxDepth, maxItems } = { ...FOREIGN_TEXT_DEFAULTS, ...bounds };
  let items = 0;
  let dots = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string;
    if (character === '\n') dots = 0;
    else if (character === '#') index = endOfLine(text, index) - 1;
    else if (character === '"' || character === "'") index = endOfString(text, index, character);
    else if (ITEMS.has(character)) {
      if (character === '.' && ++dots > MAX_DOTS) throw new RangeError('a line has a key with too many dots');
      if (++items > maxItems) throw new RangeError(`it holds more than ${maxItems} values`);
    }
  }
  return parse(text, { maxDepth });
}

/**
 * Returns the index of a string's last quote. A string that is not closed ends with its line or the text, and the
 * parser rejects it.
 */
function endOfString(text: string, start: number, quote: string): number {
  const isLong = text.startsWith(quote.repeat(3), start);
  const closing = isLong ? quote.repeat(3) : quote;
  for (let index = start + closing.length; index < text.length; index++) {
    const character = text[index] as string;
    if (character === '\\' && quote === '"') index++;
    else if (character === '\n' && !isLong) return index - 1;
    else if (character === quote && text.startsWith(closing, index)) return index + closing.length - 1;
  }
  return text.length;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

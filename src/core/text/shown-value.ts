const MOST_SHOWN = 80;

/** Linux opens no path with more bytes. */
const MOST_PATH = 4_096;

/**
 * Characters that are not safe to print. Controls move a terminal's cursor or end a C string in a database, line
 * separators split a log's line, marks of direction make a text look like another one, and a byte order mark is
 * invisible.
 */
export const UNSAFE_CHARACTERS: RegExp = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * Quotes text from outside for messages: a JSON string of at most `most` UTF-16 units of the text, with `…` where it
 * was cut. Unsafe characters and halves of surrogate pairs are escaped, so one unit takes at most six characters.
 */
export function shownText(text: string, most: number = MOST_SHOWN): string {
  const short = text.length > most ? `${text.slice(0, splitsPair(text, most) ? most - 1 : most)}…` : text;
  return JSON.stringify(short).replace(UNSAFE_CHARACTERS, (unit) => `\\u${hexOf(unit).padStart(4, '0')}`);
}

/** Quotes a path for messages, in full up to the length that can be opened. */
export function shownPath(path: string): string {
  return shownText(path, MOST_PATH);
}

/** Text from outside that is not quoted, made harmless: unsafe characters, but newline and tab, are shown as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(UNSAFE_CHARACTERS, (unit) => (unit === '\n' || unit === '\t' ? unit : `\\u{${hexOf(unit)}}`));
}

/** Formats any value for messages: shortly, and without calling the value's methods, which may throw. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') return shownText(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'symbol' || typeof value === 'function') return `a ${typeof value}`;
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

function splitsPair(text: string, index: number): boolean {
  return (text.codePointAt(index - 1) ?? 0) > 0xffff;
}

function hexOf(unit: string): string {
  return unit.charCodeAt(0).toString(16);
}

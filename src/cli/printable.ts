/** Control characters and everything that turns text around, but for newline and tab. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text that a guest chose, made harmless for a terminal: escapes are shown, not obeyed. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`);
}

/** One line of JSON: 64-bit numbers as decimal strings, typed arrays as arrays, maps as objects. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (typeof item === 'bigint') return item.toString();
    if (ArrayBuffer.isView(item) && !(item instanceof DataView)) return Array.from(item as Uint8Array);
    return item;
  });
}

/** Bytes as text where they are UTF-8, else undefined. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

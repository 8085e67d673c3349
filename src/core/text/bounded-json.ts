/** A sum of characters that was exceeded while writing. */
class TooLong extends Error {}

/**
 * Writes a value as JSON, as `viv call --json` prints it: 64-bit integers as decimal strings, NaN and infinities as strings, typed
 * arrays as arrays. Returns undefined if the text would be longer than `most` UTF-16 units; the work is bounded by `most` then, and
 * not by the size of the value. Only plain data is read, so that no method of the value is called.
 */
export function boundedJson(value: unknown, most: number): string | undefined {
  const pieces: string[] = [];
  let room = most;
  const put = (text: string): void => {
    room -= text.length;
    if (room < 0) throw new TooLong();
    pieces.push(text);
  };
  const text = (string: string): void => {
    // Escaping a text makes it longer, so one that is too long already need not be escaped.
    if (string.length > room) throw new TooLong();
    put(JSON.stringify(string));
  };
  const write = (part: unknown): void => {
    if (typeof part === 'string') text(part);
    else if (typeof part === 'bigint') text(part.toString());
    else if (typeof part === 'number') put(Number.isFinite(part) ? JSON.stringify(part) : `"${part}"`);
    else if (typeof part === 'boolean') put(String(part));
    else if (Array.isArray(part) || (ArrayBuffer.isView(part) && !(part instanceof DataView))) {
      const list = part as unknown as ArrayLike<unknown>;
      put('[');
      for (let index = 0; index < list.length; index++) {
        if (index > 0) put(',');
        write(list[index]);
      }
      put(']');
    } else if (typeof part === 'object' && part !== null) {
      put('{');
      let first = true;
      for (const [name, held] of Object.entries(part)) {
        if (held === undefined || typeof held === 'function') continue;
        if (!first) put(',');
        text(name);
        put(':');
        write(held);
        first = false;
      }
      put('}');
    } else put('null');
  };
  try {
    write(value);
  } catch (error) {
    // A value that nests deeper than the stack is too large as well.
    if (error instanceof TooLong || error instanceof RangeError) return undefined;
    throw error;
  }
  return pieces.join('');
}

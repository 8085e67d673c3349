import { messageOf } from '#core/errors';
import { parseBytes, parseDuration } from '#core/options';
import { shownText, shownValue } from '#core/text';

const MAX_ITEMS = 1_000;
const MAX_TEXT = 1_024;

/** Reads the keys of one table of a manifest. A key that was never read is unknown. */
export interface Fields {
  text(key: string): string | undefined;
  requiredText(key: string): string;
  /** A size such as `64MiB`, or a number of bytes. */
  size(key: string): number | undefined;
  /** A time such as `2s`, or a number of milliseconds. */
  duration(key: string): number | undefined;
  /** A whole number, 0 or more. */
  count(key: string): number | undefined;
  bigint(key: string): bigint | undefined;
  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined;
  list(key: string): readonly string[];
  /** A table of texts. */
  texts(key: string): Readonly<Record<string, string>>;
  table(key: string): Fields | undefined;
  /** @throws if the table has a key that was not read */
  refuseOthers(): void;
}

/** @param at the table's name with a trailing dot, for error messages */
export function fields(table: Readonly<Record<string, unknown>>, at: string): Fields {
  const read = new Set<string>();

  function take<T>(key: string, convert: (value: unknown) => T): T | undefined {
    read.add(key);
    if (!Object.hasOwn(table, key)) return undefined;
    try {
      return convert(table[key]);
    } catch (error) {
      throw new Error(`${at}${key}: ${messageOf(error)}`);
    }
  }

  return {
    text: (key) => take(key, asText),
    requiredText(key) {
      const value = take(key, asText);
      if (value === undefined) throw new Error(`${at}${key} is missing`);
      return value;
    },
    size: (key) => take(key, (value) => (typeof value === 'number' ? asCount(value) : parseBytes(asText(value)))),
    duration: (key) =>
      take(key, (value) => (typeof value === 'number' ? asCount(value) : parseDuration(asText(value)))),
    count: (key) => take(key, asCount),
    bigint: (key) => take(key, (value) => BigInt(asCount(value))),
    oneOf: <T extends string>(key: string, allowed: readonly T[]) =>
      take(key, (value) => {
        const found = allowed.find((each) => each === value);
        if (found === undefined) throw new Error(`is ${shownValue(value)}; give one of ${allowed.join(', ')}`);
        return found;
      }),
    list: (key) =>
      take(key, (value) => {
        if (!Array.isArray(value) || value.length > MAX_ITEMS)
          throw new Error(`give a list of at most ${MAX_ITEMS} texts`);
        return value.map(asText);
      }) ?? [],
    texts: (key) =>
      take(key, (value) => {
        const texts: Record<string, string> = Object.create(null);
        for (const [name, item] of Object.entries(asTable(value))) texts[name] = asText(item);
        return texts;
      }) ?? {},
    table: (key) => take(key, (value) => fields(asTable(value), `${at}${key}.`)),
    refuseOthers() {
      const unknown = Object.keys(table).filter((key) => !read.has(key));
      if (unknown.length > 0) {
        throw new Error(
          `unknown key ${shownText(at + unknown[0])}; known are ${[...read].map((key) => at + key).join(', ')}`,
        );
      }
    },
  };
}

function asText(value: unknown): string {
  if (typeof value !== 'string') throw new Error('give text in quotes');
  if (value.length > MAX_TEXT) throw new Error(`is longer than ${MAX_TEXT} characters`);
  return value;
}

function asCount(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new Error('give a whole number, 0 or more');
  return value;
}

function asTable(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date)
    throw new Error('give a table');
  if (Object.keys(value).length > MAX_ITEMS) throw new Error(`has more than ${MAX_ITEMS} keys`);
  return value as Readonly<Record<string, unknown>>;
}

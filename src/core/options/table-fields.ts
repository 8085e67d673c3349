import { messageOf } from '#core/errors';
import { shownText, shownValue } from '#core/text';
import { parseBytes, parseDuration } from './units.ts';

const MAX_ITEMS = 1_000;
const MAX_TEXT = 1_024;

/** Reads the keys of one table of a configuration file. A key that was never read is unknown. */
export interface Fields {
  text(key: string): string | undefined;
  /** Returns an empty text after a complaint. */
  requiredText(key: string): string;
  flag(key: string): boolean | undefined;
  /** A number with any fraction. */
  number(key: string): number | undefined;
  /** A size such as `64MiB`, or a number of bytes. */
  size(key: string): number | undefined;
  /** A time such as `2s`, or a number of milliseconds. */
  duration(key: string): number | undefined;
  /** A whole number, 0 or more. */
  count(key: string): number | undefined;
  bigint(key: string): bigint | undefined;
  oneOf<const T extends string>(key: string, allowed: readonly T[]): T | undefined;
  list(key: string): readonly string[];
  /** A table of texts. */
  texts(key: string): Readonly<Record<string, string>>;
  table(key: string): Fields | undefined;
  /** A table whose values are tables, by their names. */
  named(key: string): ReadonlyMap<string, Fields>;
  /** A list of tables. */
  tables(key: string): readonly Fields[];
  /** Complains about the value of a key that was read. */
  refuse(key: string, message: string): void;
  /** Complains about keys that were not read, here and in all tables that were read from this one. */
  refuseOthers(): void;
}

/** Receives what is wrong with a key. @param key the key with the names of the tables around it; @param sentence names the key */
export type Complain = (key: string, sentence: string) => void;

const throwing: Complain = (_, sentence) => {
  throw new Error(sentence);
};

/**
 * @param at the table's name with a trailing dot, for error messages
 * @param complain by default, the first complaint is thrown; with a function that returns, reading goes on and finds all mistakes
 */
export function fields(table: Readonly<Record<string, unknown>>, at: string, complain: Complain = throwing): Fields {
  const read = new Set<string>();
  const inner: Fields[] = [];

  function take<T>(key: string, convert: (value: unknown) => T): T | undefined {
    read.add(key);
    if (!Object.hasOwn(table, key)) return undefined;
    let value: T;
    try {
      value = convert(table[key]);
    } catch (error) {
      complain(at + key, `${at}${key}: ${messageOf(error)}`);
      return undefined;
    }
    return value;
  }

  function under(value: unknown, name: string): Fields {
    const found = fields(asTable(value), `${at}${name}.`, complain);
    inner.push(found);
    return found;
  }

  return {
    text: (key) => take(key, asText),
    requiredText(key) {
      if (!Object.hasOwn(table, key)) complain(at + key, `${at}${key} is missing`);
      return take(key, asText) ?? '';
    },
    flag: (key) => take(key, asFlag),
    number: (key) => take(key, asNumber),
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
    table: (key) => take(key, (value) => under(value, key)),
    named: (key) =>
      take(key, (value) => {
        const names = Object.entries(asTable(value));
        return new Map(names.map(([name, item]) => [name, under(item, `${key}.${name.slice(0, 80)}`)]));
      }) ?? new Map(),
    tables: (key) =>
      take(key, (value) => {
        if (!Array.isArray(value) || value.length > MAX_ITEMS)
          throw new Error(`give a list of at most ${MAX_ITEMS} tables, each as [[${at}${key}]]`);
        return value.map((item, index) => under(item, `${key}[${index}]`));
      }) ?? [],
    refuse: (key, message) => complain(at + key, `${at}${key}: ${message}`),
    refuseOthers() {
      for (const key of Object.keys(table)) {
        if (read.has(key)) continue;
        const known = [...read].map((key) => at + key).join(', ');
        complain(at + key, `unknown key ${shownText(at + key)}; known are ${known}`);
      }
      for (const each of inner) each.refuseOthers();
    },
  };
}

function asText(value: unknown): string {
  if (typeof value !== 'string') throw new Error('give text in quotes');
  if (value.length > MAX_TEXT) throw new Error(`is longer than ${MAX_TEXT} characters`);
  return value;
}

function asFlag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Error('give true or false');
  return value;
}

function asNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error('give a number');
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

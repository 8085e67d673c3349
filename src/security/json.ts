import { parseForeignJson } from '#core/text';

/** Envelopes, statements, keys and lines of the audit log are far smaller than these bounds. */
const BOUNDS = { maxLength: 4 * 2 ** 20, maxDepth: 32, maxItems: 100_000 };

/** Parses a text from outside as a JSON object, or returns undefined. Read its fields only with `field`. */
export function parseJsonObject(text: string): object | undefined {
  try {
    const value: unknown = parseForeignJson(text, BOUNDS);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Returns an own field of a parsed object, so that `__proto__` and inherited fields are never seen. */
export function field(object: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

/** Returns an own field that must be a text. */
export function textField(object: object, name: string): string | undefined {
  const value = field(object, name);
  return typeof value === 'string' ? value : undefined;
}

/** Parses a time in the format of `Date.prototype.toISOString` to milliseconds since 1970. */
export function parseTime(text: unknown): number | undefined {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

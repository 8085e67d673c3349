import type { ComponentMessage } from '#core/messages';

/** Bytes that an error has beside its texts and values: itself and its stack. */
const ERROR = 1_024;
/** Bytes of an error that are not counted: those of ordinary ones are bounded by the number of letters. */
const ORDINARY = 4_096;
/** Bytes of one entry of an object or a list. */
const ENTRY = 16;

/** A message that nobody handled, and why. */
interface Weighed {
  readonly message: Pick<ComponentMessage, 'payload'>;
  readonly error: unknown;
}

/**
 * About how many bytes a letter keeps: its payload, and the error that says why nobody handled it, which may hold values of a guest's
 * and texts that it wrote.
 * @param most a letter that weighs more is not weighed further
 */
export function weightOf({ message, error }: Weighed, most: number): number {
  let weight = -ORDINARY;
  const seen = new Set<object>();
  const waiting: unknown[] = error === undefined ? [] : [error];
  while (waiting.length > 0 && weight <= most) {
    const value = waiting.pop();
    if (typeof value === 'string') weight += 2 * value.length;
    else if (ArrayBuffer.isView(value)) weight += value.byteLength;
    else if (typeof value === 'object' && value !== null && !seen.has(value)) {
      seen.add(value);
      weight += value instanceof Error ? ERROR : ENTRY;
      if (value instanceof Error) waiting.push(value.message, value.cause);
      const entries = entriesOf(value);
      weight += ENTRY * entries.length;
      for (const entry of entries) waiting.push(entry);
    }
  }
  return message.payload.length + Math.max(0, weight);
}

/** An embedder may have thrown anything, with properties that throw themselves. What cannot be read weighs nothing more. */
function entriesOf(value: object): readonly unknown[] {
  try {
    return value instanceof Map ? [...value].flat() : Object.values(value);
  } catch {
    return [];
  }
}

import type { ScriptValue } from './script.ts';

/** A script's reference to something of the host's, by its number; the same number is the same object. */
const references = new Map<string, object>();

/** A core value of a script as JavaScript has it; undefined where JavaScript cannot have it. */
export function toCore({ type, value }: ScriptValue): { readonly value: unknown } | undefined {
  const text = String(value);
  switch (type) {
    case 'i32':
      return { value: Number(text) | 0 };
    case 'i64':
      return { value: BigInt.asIntN(64, BigInt(text)) };
    case 'f32':
      return { value: text.startsWith('nan') ? Number.NaN : new Float32Array(Uint32Array.of(Number(text)).buffer)[0] };
    case 'f64':
      return {
        value: text.startsWith('nan') ? Number.NaN : new Float64Array(BigUint64Array.of(BigInt(text)).buffer)[0],
      };
    case 'externref':
    case 'anyref':
      return { value: value === undefined || value === 'null' ? null : reference(`${type} ${text}`) };
    case 'v128':
    case 'exnref':
      return undefined;
    default:
      return { value: null };
  }
}

function reference(name: string): object {
  const found = references.get(name) ?? { name };
  references.set(name, found);
  return found;
}

/** What a core call answered, as text that two runs of one module can be compared by. */
export function shownCore(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shownCore).join(', ')}]`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'function') return `function of ${value.length}`;
  if (typeof value === 'object' && value !== null) return `object ${(value as { name?: string }).name ?? ''}`;
  return String(value);
}

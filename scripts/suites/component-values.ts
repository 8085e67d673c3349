import { isDeepStrictEqual } from 'node:util';
import type { ScriptValue } from './script.ts';

type Fields = Readonly<Record<string, unknown>>;
interface CaseValue {
  readonly case: string;
  readonly payload?: ScriptValue | null;
}
interface ResultValue {
  readonly Ok?: ScriptValue | null;
  readonly Err?: ScriptValue | null;
}

/** A component's value of a script as the runtime maps it; floats are written as their bits. */
export function toHost({ type, value }: ScriptValue): unknown {
  switch (type) {
    case 'u64':
    case 's64':
      return BigInt(value as string);
    case 'u8':
    case 's8':
    case 'u16':
    case 's16':
    case 'u32':
    case 's32':
      return Number(value);
    case 'f32':
      return new Float32Array(Uint32Array.of(Number(value)).buffer)[0];
    case 'f64':
      return new Float64Array(BigUint64Array.of(BigInt(value as string)).buffer)[0];
    case 'list':
    case 'tuple':
      return (value as readonly ScriptValue[]).map(toHost);
    case 'record':
      return Object.fromEntries(
        (value as readonly [string, ScriptValue][]).map(([name, field]) => [camelCase(name), toHost(field)]),
      );
    case 'variant': {
      const { case: tag, payload } = value as CaseValue;
      return payload == null ? { tag } : { tag, val: toHost(payload) };
    }
    case 'flags':
      return Object.fromEntries((value as readonly string[]).map((label) => [camelCase(label), true]));
    case 'option':
      return optionToHost(value as ScriptValue | null);
    case 'result': {
      const [tag, payload] = resultOf(value as ResultValue);
      return { tag, val: payload === undefined ? undefined : toHost(payload) };
    }
    default:
      return value;
  }
}

/** An option of an option is written with tags, so that both of its "none" can be told. */
function optionToHost(inner: ScriptValue | null): unknown {
  if (inner?.type !== 'option') return inner === null ? undefined : toHost(inner);
  return { tag: 'some', val: toHost(inner) };
}

function resultOf(value: ResultValue): readonly ['ok' | 'err', ScriptValue | undefined] {
  return 'Ok' in value ? ['ok', value.Ok ?? undefined] : ['err', value.Err ?? undefined];
}

/** Whether what a call answered is what a script expects. */
export function isExpected(expected: ScriptValue, found: unknown): boolean {
  const { type, value } = expected;
  switch (type) {
    case 'list':
    case 'tuple': {
      const items = value as readonly ScriptValue[];
      const list = found as ArrayLike<unknown>;
      return list?.length === items.length && items.every((item, index) => isExpected(item, list[index]));
    }
    case 'record':
      return (value as readonly [string, ScriptValue][]).every(([name, field]) =>
        isExpected(field, (found as Fields)?.[camelCase(name)]),
      );
    case 'variant': {
      const { case: tag, payload } = value as CaseValue;
      return (found as Fields)?.tag === tag && (payload == null || isExpected(payload, (found as Fields).val));
    }
    case 'flags': {
      const set = Object.entries((found ?? {}) as Fields).flatMap(([label, is]) => (is === true ? [label] : []));
      return isDeepStrictEqual(set.sort(), (value as readonly string[]).map(camelCase).sort());
    }
    case 'option': {
      const tag = (found as Fields | undefined)?.tag;
      if (tag === 'none' || tag === 'some') {
        return value === null ? tag === 'none' : isExpected(value as ScriptValue, (found as Fields).val);
      }
      return value === null ? found === undefined : isExpected(value as ScriptValue, found);
    }
    case 'result': {
      const [tag, payload] = resultOf(value as ResultValue);
      return (found as Fields)?.tag === tag && (payload === undefined || isExpected(payload, (found as Fields).val));
    }
    default:
      return isDeepStrictEqual(toHost(expected), found);
  }
}

function camelCase(label: string): string {
  return label.toLowerCase().replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

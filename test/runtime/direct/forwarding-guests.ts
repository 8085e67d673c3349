import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import type { WitType } from './wit-types.ts';

/** How one component of a chain has its memory. */
export interface Lane {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16';
  /** Whether the memory is a 64-bit one. */
  readonly wide: boolean;
}

/** The places where a chain has its results, and where its allocators begin. */
const OUT = 64;
const HEAP = 128 * 1024;

/**
 * Components in a row, of which each imports `f: func(x: T) -> T` from the one before it, the first one from the host, and exports
 * it as `g`. Each value is lowered and lifted once for every component, on its way in and on its way out.
 */
export async function forwardingGuests(type: WitType, lanes: readonly Lane[]): Promise<Uint8Array> {
  const signature = `(param "x" ${textOf(type)}) (result ${textOf(type)})`;
  const components = lanes.map((lane, index) => `(component $C${index} ${forwarder(type, signature, lane)})`);
  const instances = lanes.map(
    (_, index) =>
      `(instance $i${index} (instantiate $C${index} (with "f" (func ${index === 0 ? '$f' : `$i${index - 1} "g"`}))))`,
  );
  return parse(`(component (import "f" (func $f ${signature})) ${components.join('\n')} ${instances.join('\n')}
    (func (export "g") (alias export $i${lanes.length - 1} "g")))`);
}

function forwarder(type: WitType, signature: string, { encoding, wide }: Lane): string {
  const pointer = wide ? 'i64' : 'i32';
  const flat = flatOf(type, pointer);
  const params = flat.length > 16 ? [pointer] : flat;
  const out = flat.length > 1;
  const core = params.length === 0 ? '' : `(param ${params.join(' ')})`;
  const options = `(memory (core memory $l "mem")) (realloc (core func $l "realloc")) string-encoding=${encoding}`;
  return `(import "f" (func $f ${signature}))
    (core module $L (memory (export "mem") ${wide ? 'i64' : ''} 16) (global $next (mut ${pointer}) (${pointer}.const ${HEAP}))
      (func (export "realloc") (param ${pointer} ${pointer} ${pointer} ${pointer}) (result ${pointer})
        (global.set $next (${pointer}.and (${pointer}.add (global.get $next) (${pointer}.const 7)) (${pointer}.const -8)))
        (global.get $next)
        (global.set $next (${pointer}.add (global.get $next) (local.get 3)))))
    (core instance $l (instantiate $L))
    (core func $lowered (canon lower (func $f) ${options}))
    (core module $M
      (import "" "f" (func $f (param ${params.join(' ')} ${out ? pointer : ''}) ${out ? '' : `(result ${flat[0]})`}))
      (func (export "g") ${core} (result ${out ? pointer : flat[0]})
        ${params.map((_, index) => `(local.get ${index})`).join(' ')} ${out ? `(${pointer}.const ${OUT})` : ''}
        (call $f) ${out ? `(${pointer}.const ${OUT})` : ''}))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $lowered))))))
    (func (export "g") ${signature} (canon lift (core func $m "g") ${options}))`;
}

/** The type with parts that need no name in a component: records as tuples, variants as results, labels as numbers. */
export function unnamed(type: WitType): WitType {
  const maybe = (part: WitType | null | undefined): WitType | null => (part ? unnamed(part) : null);
  switch (type.kind) {
    case 'list':
    case 'option':
      return { kind: type.kind, element: unnamed(type.element) };
    case 'tuple':
    case 'record':
      return { kind: 'tuple', elements: type.elements.map(unnamed) };
    case 'variant':
      return { kind: 'result', ok: maybe(type.cases[0]), error: maybe(type.cases[1]) };
    case 'result':
      return { kind: 'result', ok: maybe(type.ok), error: maybe(type.error) };
    case 'enum':
    case 'flags':
      return { kind: 'primitive', name: 'u32' };
    default:
      return type;
  }
}

function textOf(type: WitType): string {
  switch (type.kind) {
    case 'primitive':
      return type.name;
    case 'list':
    case 'option':
      return `(${type.kind} ${textOf(type.element)})`;
    case 'tuple':
      return `(tuple ${type.elements.map(textOf).join(' ')})`;
    case 'result': {
      const error = type.error === null ? '' : ` (error ${textOf(type.error)})`;
      return `(result${type.ok === null ? '' : ` ${textOf(type.ok)}`}${error})`;
    }
    default:
      throw new TypeError(`a ${type.kind} needs a name`);
  }
}

/** The core types of a value, in words of their own: the validator says whether they are those of the canonical ABI. */
function flatOf(type: WitType, pointer: 'i32' | 'i64'): readonly string[] {
  const cases = (...parts: readonly (WitType | null)[]): readonly string[] => {
    const joined: string[] = [];
    for (const part of parts) {
      if (part === null) continue;
      flatOf(part, pointer).forEach((core, index) => {
        const other = joined[index] ?? core;
        joined[index] = other === core ? core : /^[if]32 [if]32$/.test(`${other} ${core}`) ? 'i32' : 'i64';
      });
    }
    return ['i32', ...joined];
  };
  switch (type.kind) {
    case 'primitive':
      if (type.name === 'string') return [pointer, pointer];
      if (type.name === 'u64' || type.name === 's64') return ['i64'];
      return [type.name === 'f32' || type.name === 'f64' ? type.name : 'i32'];
    case 'list':
      return [pointer, pointer];
    case 'option':
      return cases(null, type.element);
    case 'tuple':
      return type.elements.flatMap((element) => flatOf(element, pointer));
    case 'result':
      return cases(type.ok, type.error);
    default:
      throw new TypeError(`a ${type.kind} needs a name`);
  }
}

import { TYPED_ARRAY_NAMES } from '#runtime/exports';
import type { ValueType } from '#wasm';
import { type Code, isNestedOption, key, type MemoryAccess, STORE_STRING, tagsOf, text } from './code.ts';
import {
  type CoreType,
  discriminantBytes,
  layoutOf,
  layoutsOf,
  offsetsOf,
  payloadOffset,
  payloadsOf,
} from './layout.ts';

type VariantLike = Extract<ValueType, { kind: 'variant' } | { kind: 'option' } | { kind: 'result' }>;

/*
 * This file writes code that lowers JavaScript values into the canonical ABI. The code relies on the local names `abi`, `s`
 * (the store's state), `m` (its MemoryView), `u` (its bytes), `d` (its DataView), `r` (realloc), and `scope` where there
 * are borrows.
 */

/** A place in the guest's memory. */
export interface Place {
  /** An expression. */
  readonly pointer: string;
  /** Bytes behind the pointer; 0 by default. */
  readonly offset?: number;
}

/** Writes code that stores `value` at `pointer + offset`. */
export function storeCode(
  code: Code,
  access: MemoryAccess,
  type: ValueType,
  value: string,
  { pointer, offset = 0 }: Place,
): void {
  const at = offset === 0 ? pointer : `${pointer} + ${offset}`;
  switch (type.kind) {
    case 'bool':
      code.line(`u[${at}] = ${value} ? 1 : 0;`);
      return;
    case 'u8':
    case 's8':
      code.line(`u[${at}] = ${value};`);
      return;
    case 'u16':
    case 's16':
      code.line(`d.setUint16(${at}, ${value}, true);`);
      return;
    case 'u32':
    case 's32':
      code.line(`d.setUint32(${at}, ${value}, true);`);
      return;
    case 'u64':
    case 's64':
      code.line(`abi.storeI64(d, ${at}, ${value});`);
      return;
    case 'f32':
      code.line(`d.setFloat32(${at}, ${value}, true);`);
      return;
    case 'f64':
      code.line(`d.setFloat64(${at}, ${value}, true);`);
      return;
    case 'char':
      code.line(`d.setUint32(${at}, abi.fromChar(${value}), true);`);
      return;
    case 'own':
    case 'borrow':
      code.line(`d.setUint32(${at}, ${addHandle(access, type, value)}, true);`);
      return;
    case 'stream':
    case 'future':
      code.line(`d.setUint32(${at}, ${addEnd(access, type, value)}, true);`);
      return;
    case 'enum':
    case 'flags': {
      const bytes = layoutOf(type, access.wide).size;
      code.line(storeInteger(bytes, at, lowerFlatCode(code, access, type, value)[0] as string));
      return;
    }
    case 'string':
    case 'list': {
      const { start, length } = storeSequence(code, access, type, value);
      code.line(storePointer(access, at, pointerOf(access, start)));
      code.line(storePointer(access, `${at} + ${access.wide ? 8 : 4}`, lengthOf(access, type, length)));
      return;
    }
    case 'record': {
      const offsets = offsetsOf(type.fields.map((field) => layoutOf(field.type, access.wide)));
      type.fields.forEach((field, index) => {
        const part = code.let(`${value}[${key(field.name)}]`);
        storeCode(code, access, field.type, part, { pointer, offset: offset + (offsets[index] as number) });
      });
      return;
    }
    case 'tuple': {
      const offsets = offsetsOf(layoutsOf(type.elements, access.wide));
      type.elements.forEach((element, index) => {
        const part = code.let(`${value}[${index}]`);
        storeCode(code, access, element, part, { pointer, offset: offset + (offsets[index] as number) });
      });
      return;
    }
    case 'variant':
    case 'option':
    case 'result': {
      const payloads = payloadsOf(type);
      const bytes = discriminantBytes(payloads.length);
      const payloadAt = offset + payloadOffset(payloads, access.wide);
      variantCode(code, type, value, (discriminant, payload, inner) => {
        code.line(storeInteger(bytes, at, String(discriminant)));
        if (payload !== undefined) storeCode(code, access, payload, inner, { pointer, offset: payloadAt });
      });
      return;
    }
    default:
      throw unsupported(type);
  }
}

/** Writes code that flattens `value`. Answers names or expressions for its core values, one for each of its flat types. */
export function lowerFlatCode(code: Code, access: MemoryAccess, type: ValueType, value: string): string[] {
  switch (type.kind) {
    case 'bool':
      return [`(${value} ? 1 : 0)`];
    case 'u8':
      return [`(${value} & 255)`];
    case 's8':
      return [`(${value} << 24 >> 24)`];
    case 'u16':
      return [`(${value} & 65535)`];
    case 's16':
      return [`(${value} << 16 >> 16)`];
    case 'u32':
    case 's32':
      return [`(${value} | 0)`];
    case 'u64':
    case 's64':
      return [`abi.i64(${value})`];
    case 'f32':
    case 'f64':
      return [`+${value}`];
    case 'char':
      return [code.let(`abi.fromChar(${value})`)];
    case 'own':
    case 'borrow':
      return [code.let(addHandle(access, type, value))];
    case 'stream':
    case 'future':
      return [code.let(addEnd(access, type, value))];
    case 'enum': {
      const index = code.let('0');
      code.line(`switch (${value}) {`);
      type.labels.forEach((label, discriminant) => {
        code.line(`case ${text(label)}: ${index} = ${discriminant}; break;`);
      });
      code.line(`default: abi.noCase(${value}); }`);
      return [index];
    }
    case 'flags': {
      const bits = type.labels.map((label, bit) => `(flags[${key(label)}] ? ${(1 << bit) >>> 0} : 0)`);
      return [code.let(`abi.flags(${value}, (flags) => (${bits.join(' | ')}) >>> 0)`)];
    }
    case 'string':
    case 'list': {
      const { start, length } = storeSequence(code, access, type, value);
      return [pointerOf(access, start), lengthOf(access, type, length)];
    }
    case 'record':
      return type.fields.flatMap((field) => {
        return lowerFlatCode(code, access, field.type, code.let(`${value}[${key(field.name)}]`));
      });
    case 'tuple':
      return type.elements.flatMap((element, index) => {
        return lowerFlatCode(code, access, element, code.let(`${value}[${index}]`));
      });
    case 'variant':
    case 'option':
    case 'result': {
      const { flat } = layoutOf(type, access.wide);
      const names = flat.map((core) => code.let(core === 'i64' ? '0n' : '0'));
      variantCode(code, type, value, (discriminant, payload, inner) => {
        code.line(`${names[0]} = ${discriminant};`);
        if (payload === undefined) return;
        const own = layoutOf(payload, access.wide).flat;
        lowerFlatCode(code, access, payload, inner).forEach((part, index) => {
          const [from, to] = [own[index] as CoreType, flat[index + 1] as CoreType];
          code.line(`${names[index + 1]} = ${widen(part, from, to)};`);
        });
      });
      return names;
    }
    default:
      throw unsupported(type);
  }
}

/** Writes a switch over a variant's cases. `each` writes the code of one case, and is given the name of the payload. */
function variantCode(
  code: Code,
  type: VariantLike,
  value: string,
  each: (discriminant: number, payload: ValueType | undefined, inner: string) => void,
): void {
  const payloads = payloadsOf(type);
  if (type.kind === 'option' && !isNestedOption(type)) {
    code.line(`if (${value} === undefined || ${value} === null) {`);
    each(0, undefined, '');
    code.line('} else {');
    each(1, payloads[1], value);
    code.line('}');
    return;
  }
  code.line(`switch (abi.tag(${value})) {`);
  tagsOf(type).forEach((tag, discriminant) => {
    const payload = payloads[discriminant];
    code.line(`case ${text(tag)}: {`);
    each(discriminant, payload, payload === undefined ? '' : code.let(`${value}.val`));
    code.line('break; }');
  });
  code.line(`default: abi.noCase(${value}); }`);
}

/** Writes code that puts a string or list into memory. Answers the names of its pointer and length. */
function storeSequence(
  code: Code,
  access: MemoryAccess,
  type: Extract<ValueType, { kind: 'list' } | { kind: 'string' }> | ValueType,
  value: string,
): { start: string; length: string } {
  if (type.kind !== 'list') {
    const kept = access.encoding === 'utf8' ? `, ${access.keptText()}` : '';
    return refreshed(code, `abi.${STORE_STRING[access.encoding]}(m, r, ${value}${kept})`);
  }
  if (type.element.kind === 'u8') return refreshed(code, `abi.storeBytes(m, r, ${value})`);
  const numbers = TYPED_ARRAY_NAMES[type.element.kind];
  if (numbers !== undefined) return refreshed(code, `abi.storeNumbers(m, r, ${value}, ${numbers})`);
  const { size, align } = layoutOf(type.element, access.wide);
  const length = code.let(`abi.asList(${value}).length`);
  const start = code.let(`abi.allocate(m, r, ${align}, abi.listBytes(${length}, ${size}))`);
  code.line('u = m.u8; d = m.view;');
  const index = code.name();
  code.line(`for (let ${index} = 0; ${index} < ${length}; ${index}++) {`);
  const item = code.let(`${value}[${index}]`);
  const at = code.let(`${start} + ${index} * ${size}`);
  storeCode(code, access, type.element, item, { pointer: at });
  code.line('}');
  return { start, length };
}

/** Writes a call that runs the guest's allocator, and then reads the memory's views again, because the memory may have grown. */
function refreshed(code: Code, call: string): { start: string; length: string } {
  const start = code.let(call);
  const length = code.let('m.length');
  code.line('u = m.u8; d = m.view;');
  return { start, length };
}

function addHandle(access: MemoryAccess, type: Extract<ValueType, { kind: 'own' | 'borrow' }>, value: string): string {
  const { id, as, definedBy } = access.resource(type);
  const representation =
    as === 'number'
      ? value
      : as === 'host object'
        ? `abi.instance(${value}, s.classes[${id}])`
        : `s.given.representation(${value})`;
  // A component instance that is lent a resource of its own gets the number that it gave the resource, and no handle.
  if (type.kind === 'borrow' && definedBy === access.instance) return representation;
  const table = `s.handles[${access.instance}]`;
  return type.kind === 'own'
    ? `${table}.add(${id}, ${representation})`
    : `${table}.addBorrow(${id}, ${representation}, scope)`;
}

function addEnd(access: MemoryAccess, type: Extract<ValueType, { kind: 'stream' | 'future' }>, value: string): string {
  const shared = access.outside
    ? `abi.tasks.fromHost(s, ${value}, ${access.payload(type)}, ${type.kind === 'future'}, ${type.element?.kind === 'u8'})`
    : value;
  return `s.tasks.addEnd(${access.instance}, ${shared})`;
}

/** An expression that turns a number into a pointer of the memory, which is a core value. */
export function pointerOf({ wide }: MemoryAccess, number: string): string {
  return wide ? `BigInt(${number})` : number;
}

/** Does the same for a length. The length of a string may have a tag. */
function lengthOf(access: MemoryAccess, type: ValueType, length: string): string {
  const tagged = type.kind === 'string' && access.encoding === 'latin1+utf16';
  return access.wide && tagged ? `abi.wideTagged(${length})` : pointerOf(access, length);
}

function storePointer({ wide }: MemoryAccess, at: string, value: string): string {
  return wide ? `d.setBigUint64(${at}, ${value}, true);` : `d.setUint32(${at}, ${value}, true);`;
}

function storeInteger(bytes: number, at: string, value: string): string {
  if (bytes === 1) return `u[${at}] = ${value};`;
  return `d.setUint${bytes * 8}(${at}, ${value}, true);`;
}

/** An expression that converts a payload's core value to the joined type of its variant. */
function widen(part: string, from: CoreType, to: CoreType): string {
  if (from === to) return part;
  if (to === 'i32') return `abi.bitsOfF32(${part})`;
  if (from === 'i32') return `BigInt((${part}) >>> 0)`;
  return from === 'f32' ? `BigInt(abi.bitsOfF32(${part}) >>> 0)` : `abi.bitsOfF64(${part})`;
}

export function unsupported(type: ValueType): TypeError {
  return new TypeError(`a ${type.kind} cannot take the direct path`);
}

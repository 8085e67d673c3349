import { TYPED_ARRAY_NAMES } from '#runtime/exports';
import type { ValueType } from '#wasm';
import { ITEM_BYTES, ITEMS_PER_LOOK, LIST_BYTES } from '../heap-cost.ts';
import { type Code, isNestedOption, key, LOAD_STRING, type MemoryAccess, tagsOf, text } from './code.ts';
import { heapCost } from './heap-cost.ts';
import {
  type CoreType,
  discriminantBytes,
  layoutOf,
  layoutsOf,
  offsetsOf,
  payloadOffset,
  payloadsOf,
} from './layout.ts';
import { unsupported } from './lower-code.ts';

type VariantLike = Extract<ValueType, { kind: 'variant' } | { kind: 'option' } | { kind: 'result' }>;

/*
 * This file writes code that lifts values of the canonical ABI into JavaScript. The guest controls all that the code reads,
 * so the code checks every pointer, length, discriminant and handle. It relies on the local names `abi`, `s`, `m`, `u`, `d`
 * as in lowering, and on `lent` where there are borrows.
 */

/** Writes code that loads a value from `pointer + offset`. Answers an expression or name for the value. */
export function loadCode(code: Code, access: MemoryAccess, type: ValueType, pointer: string, offset: number): string {
  const at = offset === 0 ? pointer : `${pointer} + ${offset}`;
  switch (type.kind) {
    case 's64':
      return code.let(`d.getBigInt64(${at}, true)`);
    case 'u64':
      return code.let(`d.getBigUint64(${at}, true)`);
    case 'f32':
      return code.let(`d.getFloat32(${at}, true)`);
    case 'f64':
      return code.let(`d.getFloat64(${at}, true)`);
    case 'bool':
    case 'u8':
    case 's8':
    case 'u16':
    case 's16':
    case 'u32':
    case 's32':
    case 'char':
    case 'own':
    case 'borrow':
    case 'stream':
    case 'future':
    case 'enum':
    case 'flags':
      return liftFlatCode(code, access, type, [loadInteger(layoutOf(type, access.wide).size, at)]);
    case 'string':
    case 'list': {
      const [first, second] = access.wide
        ? [`d.getBigUint64(${at}, true)`, `d.getBigUint64(${at} + 8, true)`]
        : [`d.getUint32(${at}, true)`, `d.getUint32(${at} + 4, true)`];
      return loadSequence(code, access, type, first, second);
    }
    case 'record': {
      const offsets = offsetsOf(type.fields.map((field) => layoutOf(field.type, access.wide)));
      const parts = type.fields.map((field, index) => {
        return `${key(field.name)}: ${loadCode(code, access, field.type, pointer, offset + (offsets[index] as number))}`;
      });
      return code.let(`{ ${parts.join(', ')} }`);
    }
    case 'tuple': {
      const offsets = offsetsOf(layoutsOf(type.elements, access.wide));
      const parts = type.elements.map((element, index) => {
        return loadCode(code, access, element, pointer, offset + (offsets[index] as number));
      });
      return code.let(`[${parts.join(', ')}]`);
    }
    case 'variant':
    case 'option':
    case 'result': {
      const payloads = payloadsOf(type);
      const payloadAt = offset + payloadOffset(payloads, access.wide);
      return variantCode(code, type, loadInteger(discriminantBytes(payloads.length), at), (payload) => {
        return loadCode(code, access, payload, pointer, payloadAt);
      });
    }
    default:
      throw unsupported(type);
  }
}

/** Writes code that lifts a value from its core values. Answers an expression or name for the value. */
export function liftFlatCode(code: Code, access: MemoryAccess, type: ValueType, flat: readonly string[]): string {
  const [first = '0', second = '0'] = flat;
  switch (type.kind) {
    case 'bool':
      return code.let(`${first} !== 0`);
    case 'u8':
      return code.let(`${first} & 255`);
    case 's8':
      return code.let(`${first} << 24 >> 24`);
    case 'u16':
      return code.let(`${first} & 65535`);
    case 's16':
      return code.let(`${first} << 16 >> 16`);
    case 'u32':
      return code.let(`${first} >>> 0`);
    case 's32':
      return code.let(`${first} | 0`);
    case 'u64':
      return code.let(`BigInt.asUintN(64, ${first})`);
    case 's64':
    case 'f32':
    case 'f64':
      return first;
    case 'char':
      return code.let(`abi.toChar(${first})`);
    case 'own':
      return code.let(takeHandle(access, type, first));
    case 'borrow': {
      const entry = code.let(`s.handles[${access.instance}].lend(${first} >>> 0, ${access.resource(type).id})`);
      code.line(`lent.push(${entry});`);
      return `${entry}.representation`;
    }
    case 'stream':
    case 'future': {
      const end = `s.tasks.takeEnd(${access.instance}, ${first} >>> 0, ${access.payload(type)}, ${type.kind === 'future'})`;
      const ours = access.ours === undefined ? '' : `, ${access.ours}`;
      return code.let(access.outside ? `abi.tasks.toHost(s, ${end}, ${type.element?.kind === 'u8'}${ours})` : end);
    }
    case 'enum': {
      const name = code.let('undefined');
      code.line(`switch (${first}) {`);
      type.labels.forEach((label, discriminant) => {
        code.line(`case ${discriminant}: ${name} = ${text(label)}; break;`);
      });
      code.line(`default: abi.badDiscriminant(${first}); }`);
      return name;
    }
    case 'flags': {
      const bits = code.let(first);
      const parts = type.labels.map((label, bit) => `${key(label)}: (${bits} & ${1 << bit}) !== 0`);
      return code.let(`{ ${parts.join(', ')} }`);
    }
    case 'string':
    case 'list': {
      return loadSequence(code, access, type, first, second);
    }
    case 'record': {
      let at = 0;
      const parts = type.fields.map((field) => {
        const count = layoutOf(field.type, access.wide).flat.length;
        at += count;
        return `${key(field.name)}: ${liftFlatCode(code, access, field.type, flat.slice(at - count, at))}`;
      });
      return code.let(`{ ${parts.join(', ')} }`);
    }
    case 'tuple': {
      let at = 0;
      const parts = type.elements.map((element) => {
        const count = layoutOf(element, access.wide).flat.length;
        at += count;
        return liftFlatCode(code, access, element, flat.slice(at - count, at));
      });
      return code.let(`[${parts.join(', ')}]`);
    }
    case 'variant':
    case 'option':
    case 'result': {
      const joined = layoutOf(type, access.wide).flat;
      return variantCode(code, type, first, (payload) => {
        const own = layoutOf(payload, access.wide).flat;
        const parts = own.map((core, index) => {
          return narrow(flat[index + 1] as string, joined[index + 1] as CoreType, core);
        });
        return liftFlatCode(code, access, payload, parts);
      });
    }
    default:
      throw unsupported(type);
  }
}

/** Writes a switch over the discriminants. `lift` writes the code that lifts a payload. Answers the name of the value. */
function variantCode(
  code: Code,
  type: VariantLike,
  discriminant: string,
  lift: (payload: ValueType) => string,
): string {
  const value = code.let('undefined');
  const bare = type.kind === 'option' && !isNestedOption(type);
  const payloads = payloadsOf(type);
  code.line(`switch (${discriminant}) {`);
  tagsOf(type).forEach((tag, index) => {
    const payload = payloads[index];
    code.line(`case ${index}: {`);
    if (bare) {
      if (payload !== undefined) code.line(`${value} = ${lift(payload)};`);
    } else {
      const val =
        payload === undefined ? (type.kind === 'result' ? ', val: undefined' : '') : `, val: ${lift(payload)}`;
      code.line(`${value} = { tag: ${text(tag)}${val} };`);
    }
    code.line('break; }');
  });
  code.line(`default: abi.badDiscriminant(${discriminant}); }`);
  return value;
}

/** An expression that turns a core value, which is a pointer or length of the guest, into a number. */
export function addressOf({ wide }: MemoryAccess, value: string): string {
  return wide ? `abi.address(${value})` : `${value} >>> 0`;
}

/** @param pointer a core value, as `count` is */
function loadSequence(code: Code, access: MemoryAccess, type: ValueType, pointer: string, count: string): string {
  const tagged = access.wide && type.kind === 'string' && access.encoding === 'latin1+utf16';
  const start = code.let(addressOf(access, pointer));
  const length = code.let(tagged ? `abi.narrowTagged(${count})` : addressOf(access, count));
  if (type.kind !== 'list') return code.let(`abi.${LOAD_STRING[access.encoding]}(m, ${start}, ${length})`);
  if (type.element.kind === 'u8') return code.let(`abi.loadBytes(m, ${start}, ${length})`);
  const numbers = TYPED_ARRAY_NAMES[type.element.kind];
  if (numbers !== undefined) return code.let(`abi.loadNumbers(m, ${start}, ${length}, ${numbers})`);
  const { size, align } = layoutOf(type.element, access.wide);
  const cost = ITEM_BYTES + heapCost(type.element);
  code.line(`m.check(${start}, ${length}, ${size}, ${align}, ${cost}, ${LIST_BYTES});`);
  const list = code.let('[]');
  const index = code.name();
  code.line(`for (let ${index} = 0; ${index} < ${length}; ${index}++) {`);
  const at = code.let(`${start} + ${index} * ${size}`);
  code.line(`${list}.push(${loadCode(code, access, type.element, at, 0)});`);
  code.line(`if (${index} % ${ITEMS_PER_LOOK} === ${ITEMS_PER_LOOK - 1}) m.look();`);
  code.line('}');
  return list;
}

function takeHandle(
  access: MemoryAccess,
  type: Extract<ValueType, { kind: 'own' | 'borrow' }>,
  handle: string,
): string {
  const { id, as } = access.resource(type);
  const taken = `s.handles[${access.instance}].take(${handle} >>> 0, ${id})`;
  return as === 'given object' ? `s.given.give(types[${id}], ${taken})` : taken;
}

function loadInteger(bytes: number, at: string): string {
  return bytes === 1 ? `u[${at}]` : `d.getUint${bytes * 8}(${at}, true)`;
}

/** An expression that converts a core value from the joined type of its variant to the payload's own type. */
function narrow(part: string, from: CoreType, to: CoreType): string {
  if (from === to) return part;
  if (from === 'i32') return `abi.f32OfBits(${part})`;
  if (to === 'i32') return `Number(BigInt.asIntN(32, ${part}))`;
  return to === 'f32' ? `abi.f32OfBits(Number(BigInt.asIntN(32, ${part})))` : `abi.f64OfBits(${part})`;
}

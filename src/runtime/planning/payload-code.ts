import { TYPED_ARRAY_NAMES } from '#runtime/exports';
import type { ValueType } from '#wasm';
import { ITEM_BYTES, ITEMS_PER_LOOK, LIST_BYTES } from '../heap-cost.ts';
import { Code } from './code.ts';
import { type FunctionSlots, memoryOf, prologue } from './function-code.ts';
import { heapCost } from './heap-cost.ts';
import { layoutOf } from './layout.ts';
import { addressOf, loadCode } from './lift-code.ts';
import { storeCode } from './lower-code.ts';

/** The text of a `PayloadPlan`. @param slots undefined where a built-in does not touch the memory */
export function payloadCode(
  type: Extract<ValueType, { kind: 'stream' | 'future' }>,
  number: number,
  slots: FunctionSlots | undefined,
): string {
  const { element } = type;
  const isNumeric = element === undefined || TYPED_ARRAY_NAMES[element.kind] !== undefined;
  const head = `type: ${number}, isFuture: ${type.kind === 'future'}, isNumeric: ${isNumeric}, hasValue: ${element !== undefined}`;
  if (slots === undefined) return `{ ${head} }`;
  const address = `address: (pointer) => ${addressOf(slots, 'pointer')}`;
  if (element === undefined || slots.memory === undefined) return `{ ${head}, size: 0, ${address} }`;
  const { size, align } = layoutOf(element, slots.wide);
  const check = new Code();
  prologue(check, { ...slots, realloc: undefined });
  check.line(`m.live(); u = m.u8;\nif (at % ${align} !== 0 || at + count * ${size} > u.length) abi.badPointer(at);`);
  return `{ ${head}, size: ${size}, ${address},
check: function (s, at, count) {\n${check}\n},
load: ${loadPayloads(element, slots)},
lifted: (s) => ${memoryOf(slots.memory)}.lifted,
store: ${storePayloads(element, slots)} }`;
}

function loadPayloads(element: ValueType, slots: FunctionSlots): string {
  const code = new Code();
  prologue(code, { ...slots, realloc: undefined });
  code.line('m.open(); u = m.u8; d = m.view;');
  const numbers = TYPED_ARRAY_NAMES[element.kind];
  const { size, align } = layoutOf(element, slots.wide);
  if (numbers !== undefined) code.line(`return new ${numbers}(u.buffer, at, count);`);
  else {
    code.line(`m.check(at, count, ${size}, ${align}, ${ITEM_BYTES + heapCost(element)}, ${LIST_BYTES});`);
    code.line('const list = [];\nfor (let i = 0; i < count; i++) {');
    const pointer = code.let(`at + i * ${size}`);
    code.line(`list.push(${loadCode(code, slots, element, pointer, 0)});`);
    code.line(`if (i % ${ITEMS_PER_LOOK} === ${ITEMS_PER_LOOK - 1}) m.look();\n}\nreturn list;`);
  }
  return `function (s, at, count) {\n${code}\n}`;
}

function storePayloads(element: ValueType, slots: FunctionSlots): string {
  const code = new Code();
  prologue(code, slots);
  code.line('m.live(); u = m.u8; d = m.view;');
  const numbers = TYPED_ARRAY_NAMES[element.kind];
  const { size } = layoutOf(element, slots.wide);
  if (numbers !== undefined) code.line(`new ${numbers}(u.buffer, at, values.length).set(values);`);
  else {
    code.line(`s.locked${slots.instance} = true;\nfor (let i = 0; i < values.length; i++) {`);
    const [item, pointer] = [code.let('values[i]'), code.let(`at + i * ${size}`)];
    storeCode(code, slots, element, item, { pointer });
    code.line(`}\ns.locked${slots.instance} = false;`);
  }
  return `function (s, values, at) {\n${code}\n}`;
}

import type { ValueType } from '#wasm';
import { BOXED_BYTES, OBJECT_BYTES, PROPERTY_BYTES } from '../heap-cost.ts';
import { isNestedOption } from './code.ts';

/** Bytes of V8's heap that a lifted value of the type takes, without the lists and texts in it: lifting charges those when it makes them. */
export function heapCost(type: ValueType): number {
  switch (type.kind) {
    case 'u32':
    case 'u64':
    case 's64':
    case 'f32':
    case 'f64':
    case 'char':
      return BOXED_BYTES;
    case 'flags':
      return objectOf(type.labels.length);
    case 'record':
      return objectOf(type.fields.length) + sum(type.fields.map((field) => heapCost(field.type)));
    case 'tuple':
      return objectOf(type.elements.length) + sum(type.elements.map(heapCost));
    case 'option':
      return (isNestedOption(type) ? objectOf(2) : 0) + heapCost(type.element);
    case 'variant':
      return objectOf(2) + Math.max(...type.cases.map((each) => costOf(each.type)));
    case 'result':
      return objectOf(2) + Math.max(costOf(type.ok), costOf(type.error));
    default:
      return 0;
  }
}

function objectOf(properties: number): number {
  return OBJECT_BYTES + properties * PROPERTY_BYTES;
}

function costOf(type: ValueType | undefined): number {
  return type === undefined ? 0 : heapCost(type);
}

function sum(costs: readonly number[]): number {
  return costs.reduce((total, cost) => total + cost, 0);
}

import type { ValueType } from '#wasm';

/** Whether a value of the type can hold a value of one of the kinds. */
export function holds(type: ValueType, ...kinds: readonly ValueType['kind'][]): boolean {
  if (kinds.includes(type.kind)) return true;
  switch (type.kind) {
    case 'record':
      return type.fields.some((field) => holds(field.type, ...kinds));
    case 'tuple':
      return type.elements.some((element) => holds(element, ...kinds));
    case 'variant':
      return type.cases.some((each) => each.type !== undefined && holds(each.type, ...kinds));
    case 'list':
    case 'option':
      return holds(type.element, ...kinds);
    case 'result':
      return [type.ok, type.error].some((part) => part !== undefined && holds(part, ...kinds));
    default:
      return false;
  }
}

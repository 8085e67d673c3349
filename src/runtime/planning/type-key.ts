import type { ValueType } from '#wasm';

/** A text that is equal for equal types, as the canonical ABI compares them. @param resource the number of a resource type */
export function typeKey(
  type: ValueType | undefined,
  resource: (type: Extract<ValueType, { kind: 'own' | 'borrow' }>) => number,
): string {
  const of = (part: ValueType | undefined): string => typeKey(part, resource);
  if (type === undefined) return '_';
  switch (type.kind) {
    case 'record':
      return `record{${type.fields.map((field) => `${field.name}:${of(field.type)}`).join()}}`;
    case 'variant':
      return `variant{${type.cases.map((each) => `${each.name}:${of(each.type)}`).join()}}`;
    case 'tuple':
      return `tuple<${type.elements.map(of).join()}>`;
    case 'flags':
    case 'enum':
      return `${type.kind}{${type.labels.join()}}`;
    case 'list':
      return `list<${of(type.element)},${type.length ?? ''}>`;
    case 'map':
      return `map<${of(type.key)},${of(type.element)}>`;
    case 'option':
    case 'stream':
    case 'future':
      return `${type.kind}<${of(type.element)}>`;
    case 'result':
      return `result<${of(type.ok)},${of(type.error)}>`;
    case 'own':
    case 'borrow':
      return `${type.kind}<${resource(type)}>`;
    default:
      return type.kind;
  }
}

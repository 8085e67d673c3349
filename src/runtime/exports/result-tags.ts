import { memberName } from '#runtime/names';
import type { ValueType } from '#wasm';

/** The tags that a value of a type may have itself, by jco's rules, so that such a tag does not show that the value is a `result`. */
export function tagsCarried(type: ValueType | undefined): readonly string[] {
  switch (type?.kind) {
    case 'result':
      return ['ok', 'err'];
    case 'variant':
      return type.cases.map(({ name }) => name);
    case 'option':
      return tagsCarried(type.element);
    case 'record':
      return type.fields.some(({ name }) => memberName(name) === 'tag') ? ['ok', 'err'] : [];
    case 'flags':
      return type.labels.some((label) => memberName(label) === 'tag') ? ['ok', 'err'] : [];
    default:
      return [];
  }
}

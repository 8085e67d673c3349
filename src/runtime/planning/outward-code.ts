import type { ValueType } from '#wasm';
import { type Code, isNestedOption, key, type MemoryAccess, tagsOf, text } from './code.ts';
import { holds } from './holds.ts';
import { payloadsOf } from './layout.ts';

/*
 * This file writes code that turns an answer as component instances pass it to each other into the one that the embedder gets:
 * `task.return` lifts an answer without knowing who called the task.
 */

type Replaced = Extract<ValueType, { kind: 'stream' | 'future' } | { kind: 'own' | 'borrow' }>;

/** Writes code for one value. Answers an expression for what the embedder gets. */
export function outwardCode(code: Code, access: MemoryAccess, type: ValueType, value: string): string {
  return replacedCode(code, type, value, (part, from) => {
    if (!('resource' in part)) return `abi.tasks.collected(s, ${from}, ${part.element?.kind === 'u8'})`;
    const { id, as } = access.resource(part);
    return as === 'given object' ? `s.given.give(types[${id}], ${from})` : from;
  });
}

/** Writes code that makes a value in which its streams, futures and resources are replaced. Answers an expression for it. */
export function replacedCode(
  code: Code,
  type: ValueType,
  value: string,
  each: (type: Replaced, value: string) => string,
): string {
  if (!holds(type, 'stream', 'future', 'own')) return value;
  const part = (of: ValueType, from: string): string => replacedCode(code, of, from, each);
  switch (type.kind) {
    case 'stream':
    case 'future':
    case 'own':
      return each(type, value);
    case 'record':
      return code.let(
        `{ ${type.fields.map(({ name, type: of }) => `${key(name)}: ${part(of, code.let(`${value}[${key(name)}]`))}`).join(', ')} }`,
      );
    case 'tuple':
      return code.let(`[${type.elements.map((of, at) => part(of, code.let(`${value}[${at}]`))).join(', ')}]`);
    case 'list': {
      const list = code.let('[]');
      const item = code.name();
      code.line(`for (const ${item} of ${value}) {`);
      code.line(`${list}.push(${part(type.element, item)});\n}`);
      return list;
    }
    case 'option':
      if (!isNestedOption(type)) {
        const answer = code.let('undefined');
        code.line(`if (${value} !== undefined) {\n${answer} = ${part(type.element, value)};\n}`);
        return answer;
      }
      return cases(code, type, value, part);
    case 'variant':
    case 'result':
      return cases(code, type, value, part);
    default:
      return value;
  }
}

function cases(
  code: Code,
  type: Extract<ValueType, { kind: 'option' | 'variant' | 'result' }>,
  value: string,
  part: (of: ValueType, from: string) => string,
): string {
  const answer = code.let(value);
  const payloads = payloadsOf(type);
  code.line(`switch (${value}.tag) {`);
  tagsOf(type).forEach((tag, at) => {
    const payload = payloads[at];
    if (payload === undefined) return;
    code.line(`case ${text(tag)}: {`);
    code.line(`${answer} = { tag: ${text(tag)}, val: ${part(payload, code.let(`${value}.val`))} };\nbreak; }`);
  });
  code.line('}');
  return answer;
}

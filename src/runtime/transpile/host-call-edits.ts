import type { AnyNode, VariableDeclarator } from 'acorn';
import type { Edit } from './glue-edits.ts';
import { isNamed, walk } from './syntax-tree.ts';

const TRAMPOLINE = /^_trampoline\d+$/;
/** The note by which jco's generated code tells which import it is about to call. */
const CALL_NOTE = /^\[iface="([^"]*)", function="([^"]*)"\] \[Instruction::CallInterface\] \(sync, @ enter\)$/;

/** Whether the variable holds a function by which a guest calls the host. */
export function isTrampoline(node: AnyNode): node is VariableDeclarator {
  return node.type === 'VariableDeclarator' && node.id.type === 'Identifier' && TRAMPOLINE.test(node.id.name);
}

/**
 * Sends the call of a host function through `callHost`, with its name in WIT and whether it has an error case: what the
 * function throws or answers is looked at there, and the embedder's own objects need no wrappers.
 */
export function nameHostCall(trampoline: VariableDeclarator): Edit[] {
  let name: string | undefined;
  let fallible = false;
  let operation: AnyNode | undefined;
  walk(trampoline, (node) => {
    if (node.type === 'Literal' && typeof node.value === 'string') {
      const [, from, called] = CALL_NOTE.exec(node.value) ?? [];
      if (from !== undefined && called !== undefined) name = from === called ? called : `${from}#${called}`;
      if (node.value === 'result-catch-handler') fallible = true;
    } else if (node.type === 'CallExpression' && isNamed(node.callee, '_trackHostOperation')) {
      operation = node.arguments[0];
    }
  });
  if (name === undefined || operation === undefined) return [];
  const { start, end } = operation;
  return [
    { start, end: start, text: `() => callHost(${JSON.stringify(name)}, ${fallible}, ` },
    { start: end, end, text: ')' },
  ];
}

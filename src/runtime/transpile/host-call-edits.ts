import type { AnyNode, VariableDeclarator } from 'acorn';
import { RuntimeError } from '../errors.ts';
import type { Edit } from './glue-edits.ts';
import { isNamed, walk } from './syntax-tree.ts';

const TRAMPOLINE = /^_trampoline\d+$/;
/** The debug text in which jco's generated code names the import that it is about to call. */
const CALL_NOTE = /^\[iface="([^"]*)", function="([^"]*)"\] \[Instruction::CallInterface\] \(sync, @ enter\)$/;

/** Whether a node declares a function by which a guest calls the host. */
export function isTrampoline(node: AnyNode): node is VariableDeclarator {
  return node.type === 'VariableDeclarator' && node.id.type === 'Identifier' && TRAMPOLINE.test(node.id.name);
}

/**
 * Routes the call of a host function through `callHost`, with the function's WIT name and whether it has an error case. `callHost`
 * checks what the function throws or returns, so the embedder's own objects need no wrappers. It gives a function of the host its caller.
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
  const call = operation.type === 'ArrowFunctionExpression' ? operation.body : undefined;
  if (call?.type !== 'CallExpression' && call?.type !== 'NewExpression') {
    throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the generated code calls ${name} in an unknown way`);
  }
  // `$` cannot be in a name that comes from WIT, so no argument of the call can mean another variable.
  const first = call.arguments[0];
  const at = first?.start ?? call.end - 1;
  return [
    { start, end: call.start, text: `() => callHost(${JSON.stringify(name)}, ${fallible}, (...$caller) => ` },
    { start: at, end: at, text: first === undefined ? '...$caller' : '...$caller, ' },
    { start: end, end, text: ')' },
  ];
}

import type { AnyNode, Function as FunctionNode, IfStatement } from 'acorn';
import type { Edit } from './glue-edits.ts';
import { isNamed } from './syntax-tree.ts';

/*
 * jco's glue traps for a `bool` of 2, for a `u8` of 300, and for a flags value with a bit beyond the last flag. The canonical ABI takes
 * any `bool` except 0 as true, uses the low bits of a number, and ignores extra bits of flags. These edits make the glue do the same.
 */

/** Replaces the bodies of two functions of the glue. Returns no edits for any other function. */
export function liftLikeTheSpecification(node: FunctionNode): Edit[] {
  const [value, least, most] = node.params.map((parameter) => (parameter.type === 'Identifier' ? parameter.name : ''));
  const { start, end } = node.body;
  if (node.id?.name === 'throwInvalidBool') return [{ start, end, text: '{ return true; }' }];
  if (node.id?.name !== 'clampGuest') return [];
  const signed = `${most} === 127 ? ${value} << 24 >> 24 : ${value} << 16 >> 16`;
  return [{ start, end, text: `{ return ${least} === 0 ? ${value} & ${most} : ${signed}; }` }];
}

/** Whether a node is `if ((bits & mask) !== 0) { throw new TypeError('flags have extraneous bits set'); }`. */
export function isFlagsCheck(node: AnyNode): node is IfStatement {
  if (node.type !== 'IfStatement' || node.alternate != null || node.consequent.type !== 'BlockStatement') return false;
  const [only, ...others] = node.consequent.body;
  if (only?.type !== 'ThrowStatement' || others.length > 0) return false;
  const { argument } = only;
  if (argument.type !== 'NewExpression' || !isNamed(argument.callee, 'TypeError')) return false;
  const [message] = argument.arguments;
  return message?.type === 'Literal' && message.value === 'flags have extraneous bits set';
}

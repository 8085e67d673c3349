import type { AnyNode, MemberExpression, Node } from 'acorn';
import { isNamed, walk } from './syntax-tree.ts';

/** Text put in the place of some of the generated code's. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What an object, or one property or item of it, takes of V8's heap, about. */
const BYTES_OF_PART = 16;
/** Of a variant's cases one alone is made, so that the parts in the text say little beyond a few. */
const MOST_PARTS = 8;

/** `memory0.buffer.slice(…)`, by which jco lifts lists of bytes. */
export function isMemorySlice(callee: AnyNode): callee is MemberExpression {
  return (
    callee.type === 'MemberExpression' &&
    isNamed(callee.property, 'slice') &&
    callee.object.type === 'MemberExpression' &&
    isNamed(callee.object.property, 'buffer')
  );
}

/** A slice that reaches beyond the memory is cut short silently; the specification says trap, and `sliceMemory` does. */
export function checkSlice(callee: MemberExpression, first: AnyNode | undefined): Edit[] {
  const after = callee.object.end;
  return [
    { start: callee.start, end: callee.start, text: 'sliceMemory(' },
    { start: after, end: first?.start ?? after, text: ', ' },
  ];
}

/**
 * A loop that lifts a list makes objects out of what may be few bytes, of which lists may share the same again and again:
 * each item is counted before it is made, as about what it takes of the host's heap.
 */
export function countItems(body: AnyNode & { readonly type: 'BlockStatement' }): Edit[] {
  let fills = false;
  let parts = 1;
  walk(body, (node) => {
    if (node.type === 'CallExpression' && isPush(node.callee)) fills = true;
    else if (node.type === 'ObjectExpression') parts += 1 + node.properties.length;
    else if (node.type === 'ArrayExpression') parts += 1 + node.elements.length;
  });
  const start = body.start + 1;
  return fills ? [{ start, end: start, text: `liftItem(${Math.min(parts, MOST_PARTS) * BYTES_OF_PART});` }] : [];
}

function isPush(callee: AnyNode): boolean {
  return callee.type === 'MemberExpression' && !callee.computed && isNamed(callee.property, 'push');
}

/** The text of a node with its edits, which do not overlap. */
export function apply(text: string, { start, end }: Node, edits: readonly Edit[]): string {
  let result = '';
  let from = start;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return result + text.slice(from, end);
}

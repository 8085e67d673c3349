import type { AnyNode, MemberExpression, Node } from 'acorn';
import { BOXED_BYTES, ITEM_BYTES, LIST_BYTES, OBJECT_BYTES, PROPERTY_BYTES } from '../heap-cost.ts';
import { eachChild, isNamed, walk } from './syntax-tree.ts';

/** A replacement of a range of the generated code by another text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Whether a callee is that of `memory0.buffer.slice(…)`, by which jco lifts lists of bytes. */
export function isMemorySlice(callee: AnyNode): callee is MemberExpression {
  return (
    callee.type === 'MemberExpression' &&
    isNamed(callee.property, 'slice') &&
    callee.object.type === 'MemberExpression' &&
    isNamed(callee.object.property, 'buffer')
  );
}

/** Replaces `slice` by `sliceMemory`: JavaScript silently cuts a slice at the memory's end, but the specification demands a trap. */
export function checkSlice(callee: MemberExpression, first: AnyNode | undefined): Edit[] {
  const after = callee.object.end;
  return [
    { start: callee.start, end: callee.start, text: 'sliceMemory(' },
    { start: after, end: first?.start ?? after, text: ', ' },
  ];
}

/**
 * Adds to a loop that lifts a list a call that charges each item's size in the host's heap before the item is made. Items may be much
 * larger than their bytes in the guest, and many lists may share the same bytes.
 */
export function countItems(body: AnyNode & { readonly type: 'BlockStatement' }): Edit[] {
  let fills = false;
  walk(body, (node) => {
    if (node.type === 'CallExpression' && isPush(node.callee)) fills = true;
  });
  const start = body.start + 1;
  return fills ? [{ start, end: start, text: `liftItem(${ITEM_BYTES + costOf(body)});` }] : [];
}

/** The bytes of heap that a piece of code takes for the value it makes. Only one of several cases runs, so the dearest counts. */
function costOf(node: AnyNode): number {
  switch (node.type) {
    case 'ObjectExpression':
      return OBJECT_BYTES + node.properties.length * (PROPERTY_BYTES + BOXED_BYTES) + sumOf(node);
    case 'ArrayExpression':
      if (node.elements.length === 0) return LIST_BYTES;
      return OBJECT_BYTES + node.elements.length * (PROPERTY_BYTES + BOXED_BYTES) + sumOf(node);
    case 'SwitchStatement':
      return costOf(node.discriminant) + Math.max(0, ...node.cases.map(sumOf));
    case 'IfStatement':
    case 'ConditionalExpression':
      return costOf(node.test) + Math.max(costOf(node.consequent), node.alternate == null ? 0 : costOf(node.alternate));
    case 'ForStatement':
      return 0; // The loop itself counts its items, one by one.
    default:
      return sumOf(node);
  }
}

function sumOf(node: AnyNode): number {
  let sum = 0;
  eachChild(node, (child) => {
    sum += costOf(child);
  });
  return sum;
}

function isPush(callee: AnyNode): boolean {
  return callee.type === 'MemberExpression' && !callee.computed && isNamed(callee.property, 'push');
}

/** Returns the text of a node with the edits applied. The edits must not overlap. */
export function apply(text: string, { start, end }: Node, edits: readonly Edit[]): string {
  let result = '';
  let from = start;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return result + text.slice(from, end);
}

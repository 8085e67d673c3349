import type {
  BinaryExpression,
  CallExpression,
  ExpressionStatement,
  Function as FunctionNode,
  VariableDeclarator,
} from 'acorn';
import type { Edit } from './glue-edits.ts';
import { isNamed } from './syntax-tree.ts';

/** The flag bit in jco's tables. In a representation it means "own"; in a scope it means "free". */
const FLAG = 2 ** 30;
/** The most handles that one store may hold at a time. */
const MAX_HANDLES = 100_000;

/*
 * These edits make the handle tables of jco's glue follow the specification. The glue looks up a guest's handle without checking that
 * it exists, where the specification demands a trap. The glue also numbers the handles of each resource type separately, so that a
 * handle of one type is mostly valid for another; the specification has one table for all types of a component instance.
 */

/** Declarations that the edits below use. They cannot clash with a component's names, because none of those contains `$`. */
export const HANDLE_HELPERS = `
const $newest = new Map();
let $handles = 0;
let $last;
let $lent = [];
function $trap(what) { throw new WebAssembly.RuntimeError(what); }
function $check(table, handle) {
  if (!(handle > 0 && handle < table.length >> 1) || (table[handle << 1] & ${FLAG}) !== 0) $trap('unknown handle index ' + (handle >>> 0));
}
function $rep(table, handle) {
  $check(table, handle);
  const rep = table[(handle << 1) + 1] & ~${FLAG};
  if (rep === 0) $trap('unknown handle index ' + (handle >>> 0));
  $last = { table, handle };
  return rep;
}
function $lend() { $lent.push($last); }
function $own(table, handle) {
  $check(table, handle);
  if ((table[(handle << 1) + 1] & ${FLAG}) === 0) $trap('a resource that is only lent is given away');
  for (const lent of $lent) {
    if (lent.table === table && lent.handle === handle) $trap('a resource is given away while it is lent');
  }
}
function $place(table) {
  if ((table[0] & ~${FLAG}) !== 0) return;
  if (++$handles > ${MAX_HANDLES}) $trap('the component holds more than ${MAX_HANDLES} resources');
  const newest = $newest.get(table._componentIdx) ?? 0;
  while (table.length >> 1 <= newest) table.push(${FLAG}, 0);
  $newest.set(table._componentIdx, table.length >> 1);
}`;

/** Adds checks to the functions that look up a handle, add one, and move one to another component instance. */
export function checkTableFunction(node: FunctionNode): Edit[] {
  const name = node.type === 'FunctionDeclaration' ? node.id?.name : undefined;
  const [first = '', second = ''] = node.params.map((each) => (each.type === 'Identifier' ? each.name : ''));
  const before = (text: string): Edit[] => [{ start: node.body.start + 1, end: node.body.start + 1, text }];
  switch (name) {
    case 'rscTableGet':
    case 'rscTableRemove':
      return before(`$check(${first}, ${second});`);
    case 'rscTableCreateOwn':
    case 'rscTableCreateBorrow':
      return before(`$place(${first});`);
    case 'resourceTransferOwn':
      return before(`$own(HANDLE_TABLES[${second}], ${first});`);
    default:
      return [];
  }
}

/** Adds a check to `handleTable0[(handle << 1) + 1] & ~T_FLAG`, by which the glue looks up a handle that the guest passes to the host. */
export function checkLookUp(node: BinaryExpression): Edit[] {
  const { left, right, operator } = node;
  if (operator !== '&' || right.type !== 'UnaryExpression' || !isNamed(right.argument, 'T_FLAG')) return [];
  if (left.type !== 'MemberExpression' || left.object.type !== 'Identifier') return [];
  const table = left.object.name;
  const shifted = left.property.type === 'BinaryExpression' ? left.property.left : undefined;
  if (!isTable(table) || shifted?.type !== 'BinaryExpression' || shifted.operator !== '<<') return [];
  if (shifted.left.type !== 'Identifier') return [];
  return [{ start: node.start, end: node.end, text: `$rep(${table}, ${shifted.left.name})` }];
}

/** Records a loan at `curResourceBorrows.push(object)`, where the host borrows an object made from the handle that was looked up last. */
export function noteLoan({ callee, start }: CallExpression): Edit[] {
  if (callee.type !== 'MemberExpression' || !isNamed(callee.object, 'curResourceBorrows')) return [];
  return isNamed(callee.property, 'push') ? [{ start, end: start, text: '$lend(), ' }] : [];
}

/** Forgets the loans where a host call begins, because those of the previous call have ended. */
export function beginLoans({ init }: VariableDeclarator): Edit[] {
  if (init?.type !== 'FunctionExpression') return [];
  const start = init.body.start + 1;
  return [{ start, end: start, text: '$lent = [];' }];
}

/** Adds a check to the statement `rscTableRemove(handleTable0, handle)`, which gives a handle away: a lent handle must not be. */
export function checkRemoval({ expression, start }: ExpressionStatement): Edit[] {
  if (expression.type !== 'CallExpression' || !isNamed(expression.callee, 'rscTableRemove')) return [];
  const [table, handle] = expression.arguments;
  if (table?.type !== 'Identifier' || handle?.type !== 'Identifier') return [];
  return [{ start, end: start, text: `$own(${table.name}, ${handle.name});` }];
}

/**
 * Adds a check to `finalizationRegistry0.register(object, handle, object)`, where a guest gives a resource to the embedder: the guest
 * must own it. The registry that the code sees does nothing, because the store handles collected objects.
 */
export function checkGiven({ callee, arguments: [, handle], start }: CallExpression): Edit[] {
  if (
    callee.type !== 'MemberExpression' ||
    callee.object.type !== 'Identifier' ||
    !isNamed(callee.property, 'register')
  ) {
    return [];
  }
  const number = /^finalizationRegistry(\d+)$/.exec(callee.object.name)?.[1];
  if (number === undefined || handle?.type !== 'Identifier') return [];
  return [{ start, end: start, text: `$own(handleTable${number}, ${handle.name}), ` }];
}

function isTable(name: string): boolean {
  return /^handleTable\d+$/.test(name);
}

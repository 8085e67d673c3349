import {
  type AnyNode,
  type FunctionDeclaration,
  type Function as FunctionNode,
  type MemberExpression,
  type Node,
  type Program,
  parse,
} from 'acorn';
import { RuntimeError } from '../errors.ts';

/**
 * Globals that generated code may name. Nothing here reaches files, the network, the process or a way to run text.
 * `TextDecoder` is a strict one of ours when the code runs (see `evaluate`).
 */
export const PERMITTED_GLOBALS: ReadonlySet<string> = new Set([
  ...[
    'Array',
    'ArrayBuffer',
    'BigInt',
    'BigInt64Array',
    'BigUint64Array',
    'Boolean',
    'DataView',
    'Error',
    'Float32Array',
  ],
  ...[
    'Float64Array',
    'Infinity',
    'Int16Array',
    'Int32Array',
    'Int8Array',
    'JSON',
    'Map',
    'Math',
    'NaN',
    'Number',
    'Object',
  ],
  ...['Promise', 'RangeError', 'Set', 'String', 'Symbol', 'TextDecoder', 'TextEncoder', 'TypeError', 'Uint16Array'],
  ...['Uint32Array', 'Uint8Array', 'WeakMap', 'WeakSet', 'WeakRef', 'WebAssembly', 'undefined', 'console', 'process'],
  ...[
    'globalThis',
    'queueMicrotask',
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'arguments',
    'URL',
    'fetch',
    'Response',
  ],
  // How the glue of a component that exports resources lets go of them.
  'FinalizationRegistry',
  // An undeclared name in jco 1.35's helper for lists of UTF-16 strings; reading it would throw.
  'vals',
]);

/** What an object, or one property or item of it, takes of V8's heap, about. */
const BYTES_OF_PART = 16;
/** Of a variant's cases one alone is made, so that the parts in the text say little beyond a few. */
const MOST_PARTS = 8;

/** Properties by which an object leads to its function's constructor, and so to running text. */
const FORBIDDEN_PROPERTIES = new Set([
  'constructor',
  '__proto__',
  'caller',
  'callee',
  'mainModule',
  'binding',
  'getBuiltinModule',
]);

/**
 * Checks that JavaScript has the shape that jco gives it and nothing that text from a component could have smuggled in:
 * one exported function `instantiate`, no imports, no free names but the permitted ones. Names from the component are
 * checked before jco sees it; this is the second wall.
 * @returns the text of the function `instantiate`, with resource handles checked at removal and items of lists counted
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`
 */
export function checkGeneratedCode(text: string): string {
  const program = parseModule(text);
  const instantiate = findInstantiate(program);
  const names = new Set<string>();
  const used: { readonly name: string; readonly start: number }[] = [];
  const edits: Edit[] = [];
  walk(instantiate, (node, parent) => visit(node, parent, names, used, edits));
  for (const { name, start } of used) {
    if (!names.has(name) && !PERMITTED_GLOBALS.has(name))
      throw refused(`the name ${name.slice(0, 40)} at offset ${start}`);
  }
  return apply(text, instantiate, edits);
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function parseModule(text: string): Program {
  try {
    return parse(text, { ecmaVersion: 'latest', sourceType: 'module' });
  } catch (cause) {
    throw new RuntimeError('RUNTIME_INVALID_COMPONENT', 'the transpiled component is not JavaScript', { cause });
  }
}

function findInstantiate(program: Program): FunctionDeclaration {
  let found: FunctionDeclaration | undefined;
  for (const node of program.body) {
    if (node.type === 'EmptyStatement') continue;
    if (node.type === 'ExpressionStatement' && node.directive !== undefined) continue;
    if (node.type === 'ExportNamedDeclaration' && node.source == null) {
      const { declaration } = node;
      if (declaration?.type === 'FunctionDeclaration' && declaration.id.name === 'instantiate' && found === undefined) {
        found = declaration;
        continue;
      }
      if (declaration?.type === 'VariableDeclaration' && isEmptyObject(declaration.declarations[0]?.init)) continue;
    }
    throw refused(`a ${node.type} at offset ${node.start}`);
  }
  if (found === undefined) throw refused('no function instantiate');
  return found;
}

function isEmptyObject(node: Node | null | undefined): boolean {
  return node?.type === 'ObjectExpression' && (node as { properties?: unknown[] }).properties?.length === 0;
}

function visit(
  node: AnyNode,
  parent: AnyNode | undefined,
  names: Set<string>,
  used: { name: string; start: number }[],
  edits: Edit[],
): void {
  switch (node.type) {
    case 'ImportExpression':
      throw refused(`an import at offset ${node.start}`);
    case 'WithStatement':
      throw refused(`a with statement at offset ${node.start}`);
    case 'MetaProperty':
      // The default of getCoreModule, which we always give.
      edits.push({ start: node.start, end: node.end, text: 'undefined' });
      return;
    case 'ObjectPattern':
      for (const property of node.properties) {
        if (property.type === 'Property' && property.value.type === 'Identifier') names.add(property.value.name);
      }
      return;
    case 'MemberExpression':
      if (!node.computed && node.property.type === 'Identifier' && FORBIDDEN_PROPERTIES.has(node.property.name)) {
        throw refused(`the property ${node.property.name} at offset ${node.start}`);
      }
      if (node.computed && node.property.type === 'Literal' && FORBIDDEN_PROPERTIES.has(String(node.property.value))) {
        throw refused(`the property ${node.property.value} at offset ${node.start}`);
      }
      return;
    case 'CallExpression':
      if (isMemorySlice(node.callee)) edits.push(...checkSlice(node.callee, node.arguments[0]));
      return;
    case 'ForStatement':
      if (node.body.type === 'BlockStatement') edits.push(...countItems(node.body));
      return;
    case 'FunctionDeclaration':
      if (node.id?.name === 'rscTableRemove') edits.push(checkHandle(node));
      return;
    case 'Identifier':
      if (isDeclaration(node, parent)) names.add(node.name);
      else if (!isPropertyName(node, parent)) used.push({ name: node.name, start: node.start });
  }
}

/** jco takes a handle beyond the table for a known one and damages the table; make it trap instead. */
function checkHandle(node: FunctionNode): Edit {
  const [table, handle] = node.params.map((parameter) => (parameter.type === 'Identifier' ? parameter.name : ''));
  const start = node.body.start + 1;
  return {
    start,
    end: start,
    text: `if (!(${handle} > 0 && ${handle} < ${table}.length >> 1)) throw new WebAssembly.RuntimeError('unknown handle index');`,
  };
}

/** `memory0.buffer.slice(…)`, by which jco lifts lists of bytes. */
function isMemorySlice(callee: AnyNode): callee is MemberExpression {
  return (
    callee.type === 'MemberExpression' &&
    isNamed(callee.property, 'slice') &&
    callee.object.type === 'MemberExpression' &&
    isNamed(callee.object.property, 'buffer')
  );
}

function isNamed(node: AnyNode, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}

/** A slice that reaches beyond the memory is cut short silently; the specification says trap, and `sliceMemory` does. */
function checkSlice(callee: MemberExpression, first: AnyNode | undefined): Edit[] {
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
function countItems(body: AnyNode & { readonly type: 'BlockStatement' }): Edit[] {
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

function isDeclaration(node: AnyNode, parent: AnyNode | undefined): boolean {
  switch (parent?.type) {
    case 'VariableDeclarator':
      return parent.id === node;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ClassDeclaration':
    case 'ClassExpression':
    case 'CatchClause':
    case 'RestElement':
    case 'ArrayPattern':
      return parent.type !== 'ArrowFunctionExpression' || parent.body !== node;
    case 'AssignmentPattern':
      return parent.left === node;
    default:
      return false;
  }
}

function isPropertyName(node: AnyNode, parent: AnyNode | undefined): boolean {
  switch (parent?.type) {
    case 'MemberExpression':
      return parent.property === node && !parent.computed;
    case 'Property':
    case 'MethodDefinition':
    case 'PropertyDefinition':
      return parent.key === node && !parent.computed;
    case 'MetaProperty':
      return true;
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return true;
    default:
      return false;
  }
}

function walk(root: AnyNode, each: (node: AnyNode, parent: AnyNode | undefined) => void): void {
  const stack: [AnyNode, AnyNode | undefined][] = [[root, undefined]];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const [node, parent] = next;
    each(node, parent);
    for (const value of Object.values(node)) {
      if (Array.isArray(value)) for (const item of value) pushNode(stack, item, node);
      else pushNode(stack, value, node);
    }
  }
}

function pushNode(stack: [AnyNode, AnyNode | undefined][], value: unknown, parent: AnyNode): void {
  if (typeof value === 'object' && value !== null && 'type' in value && 'start' in value)
    stack.push([value as AnyNode, parent]);
}

function apply(text: string, { start, end }: Node, edits: readonly Edit[]): string {
  let result = '';
  let from = start;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return result + text.slice(from, end);
}

function refused(what: string): RuntimeError {
  return new RuntimeError(
    'RUNTIME_INVALID_COMPONENT',
    `the transpiled component holds ${what}, which generated code never does; it is not run. The component is damaged or an attack`,
  );
}

import { type AnyNode, type FunctionDeclaration, type Node, type Program, parse } from 'acorn';
import { RuntimeError } from '../errors.ts';
import { apply, checkSlice, countItems, type Edit, isMemorySlice } from './glue-edits.ts';
import {
  beginLoans,
  checkGiven,
  checkLookUp,
  checkRemoval,
  checkTableFunction,
  HANDLE_HELPERS,
  noteLoan,
} from './handle-edits.ts';
import { isTrampoline, nameHostCall } from './host-call-edits.ts';
import { isFlagsCheck, liftLikeTheSpecification } from './number-edits.ts';
import { FORBIDDEN_PROPERTIES, MAY_BE_HIDDEN, PERMITTED_GLOBALS } from './permitted-names.ts';
import { isDeclaration, isPropertyName, walk } from './syntax-tree.ts';

/**
 * Checks that JavaScript has the shape that jco generates, and nothing that text from a component could have smuggled in:
 * one exported function `instantiate`, no imports, and no free names except the permitted ones. The names of a component are
 * checked before jco reads them, so this is the second line of defence.
 * @returns the text of the function `instantiate`, edited so that it checks resource handles and counts the items of lists
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
  for (const name of names) {
    if (PERMITTED_GLOBALS.has(name) && !MAY_BE_HIDDEN.has(name)) {
      throw new RuntimeError(
        'RUNTIME_INVALID_COMPONENT',
        `a name of the component hides the global ${name} from its glue`,
      );
    }
  }
  const inside = instantiate.body.start + 1;
  return apply(text, instantiate, [{ start: inside, end: inside, text: HANDLE_HELPERS }, ...edits]);
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
      // `import.meta` is in the default of getCoreModule, which is never used because we always pass that parameter.
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
      edits.push(...checkGiven(node), ...noteLoan(node));
      return;
    case 'VariableDeclarator':
      if (isTrampoline(node)) edits.push(...beginLoans(node), ...nameHostCall(node));
      return;
    case 'ForStatement':
      if (node.body.type === 'BlockStatement') edits.push(...countItems(node.body));
      return;
    case 'FunctionDeclaration':
      edits.push(...checkTableFunction(node), ...liftLikeTheSpecification(node));
      return;
    case 'IfStatement':
      if (isFlagsCheck(node)) edits.push({ start: node.start, end: node.end, text: '' });
      return;
    case 'BinaryExpression':
      edits.push(...checkLookUp(node));
      return;
    case 'ExpressionStatement':
      edits.push(...checkRemoval(node));
      return;
    case 'Identifier':
      if (isDeclaration(node, parent)) names.add(node.name);
      else if (!isPropertyName(node, parent)) used.push({ name: node.name, start: node.start });
  }
}

function refused(what: string): RuntimeError {
  return new RuntimeError(
    'RUNTIME_INVALID_COMPONENT',
    `the transpiled component holds ${what}, which generated code never does; it is not run. The component is damaged or an attack`,
  );
}

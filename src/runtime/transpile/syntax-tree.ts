import type { AnyNode } from 'acorn';

/** Calls `each` for `root` and every node below it, with the node's parent. */
export function walk(root: AnyNode, each: (node: AnyNode, parent: AnyNode | undefined) => void): void {
  const stack: [AnyNode, AnyNode | undefined][] = [[root, undefined]];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const [node, parent] = next;
    each(node, parent);
    eachChild(node, (child) => stack.push([child, node]));
  }
}

/** Calls `each` for the children of `node`. */
export function eachChild(node: AnyNode, each: (child: AnyNode) => void): void {
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) for (const item of value) showNode(item, each);
    else showNode(value, each);
  }
}

function showNode(value: unknown, each: (child: AnyNode) => void): void {
  if (typeof value === 'object' && value !== null && 'type' in value && 'start' in value) each(value as AnyNode);
}

export function isNamed(node: AnyNode, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}

/** Whether an identifier declares its name, and does not merely use it. */
export function isDeclaration(node: AnyNode, parent: AnyNode | undefined): boolean {
  switch (parent?.type) {
    case 'VariableDeclarator':
      return parent.id === node;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'CatchClause':
    case 'RestElement':
    case 'ArrayPattern':
      return parent.type !== 'ArrowFunctionExpression' || parent.body !== node;
    case 'ClassDeclaration':
    case 'ClassExpression':
      return parent.id === node;
    case 'AssignmentPattern':
      return parent.left === node;
    default:
      return false;
  }
}

/** Whether an identifier names a property or a label, not a variable. */
export function isPropertyName(node: AnyNode, parent: AnyNode | undefined): boolean {
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

import ts from 'typescript';
import { placeOf, walk } from './source-files.ts';

const TIMERS = ['setTimeout', 'setInterval'];
const MODULES = ['timers', 'node:timers', 'timers/promises', 'node:timers/promises'];

/**
 * The places at which a file takes a timer of the machine: the global functions, also as properties of `globalThis`, and
 * what a file imports of Node's modules of timers, whatever it calls it, and `AbortSignal.timeout`. `setImmediate` is no timer: it waits for a step
 * of the event loop and not for a time.
 */
export function timersIn(file: ts.SourceFile): readonly string[] {
  const found: string[] = [];
  walk(file, (node) => {
    if (ts.isImportDeclaration(node) && MODULES.includes(specifierOf(node.moduleSpecifier))) {
      const bindings = node.importClause?.namedBindings;
      const isPure =
        bindings !== undefined &&
        ts.isNamedImports(bindings) &&
        node.importClause?.name === undefined &&
        bindings.elements.every(({ name, propertyName }) => (propertyName ?? name).getText() === 'setImmediate');
      if (!isPure) found.push(placeOf(node));
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [module] = node.arguments;
      if (module !== undefined && MODULES.includes(specifierOf(module))) found.push(placeOf(node));
    }
    if (ts.isPropertyAccessExpression(node) && node.getText() === 'AbortSignal.timeout') found.push(placeOf(node));
    if (ts.isIdentifier(node) && TIMERS.includes(node.text) && !isName(node)) found.push(placeOf(node));
  });
  return found;
}

function specifierOf(node: ts.Node): string {
  return ts.isStringLiteralLike(node) ? node.text : '';
}

/** Whether an identifier names something of the file's own, as a method, or is part of an import, which is looked at whole. */
function isName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return true;
  if (ts.isPropertyAssignment(parent) || ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent))
    return parent.name === node;
  if (!ts.isPropertyAccessExpression(parent) || parent.name !== node) return false;
  return parent.expression.getText() !== 'globalThis';
}

import ts from 'typescript';
import { placeOf, walk } from './source-files.ts';

/** The places at which a function or class that is written out is assigned to a property: `object.name = () => {}`. */
export function assignedFunctionsIn(file: ts.SourceFile): readonly string[] {
  const found: string[] = [];
  walk(file, (node) => {
    if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.EqualsToken) return;
    if (!ts.isPropertyAccessExpression(node.left) && !ts.isElementAccessExpression(node.left)) return;
    if (isWrittenOut(node.right)) found.push(placeOf(node));
  });
  return found;
}

function isWrittenOut(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) {
    return isWrittenOut(node.expression);
  }
  return ts.isArrowFunction(node) || ts.isFunctionExpression(node) || ts.isClassExpression(node);
}

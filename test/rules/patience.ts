import ts from 'typescript';
import { placeOf, walk } from './source-files.ts';

/** Milliseconds. A test that hangs, a poll, and a process that a test waits for end so late. */
const LEAST_MS = 300_000;

const TESTS = /^(?:it|test|describe|beforeAll|beforeEach|afterAll|afterEach)\b/;

/** The places at which a file gives a test, a hook, a poll or a process a shorter time than all have anyway. */
export function impatienceIn(file: ts.SourceFile): readonly string[] {
  const found: string[] = [];
  walk(file, (node) => {
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'timeout' && isShort(node.initializer)) {
      found.push(placeOf(node));
    }
    if (!ts.isCallExpression(node) || !TESTS.test(node.expression.getText())) return;
    const last = node.arguments.at(-1);
    if (last !== undefined && isShort(last)) found.push(placeOf(last));
  });
  return found;
}

function isShort(value: ts.Expression): boolean {
  return ts.isNumericLiteral(value) && Number(value.text) < LEAST_MS;
}

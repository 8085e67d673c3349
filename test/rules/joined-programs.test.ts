import { posix } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { JOINED_PROGRAMS } from '../support/program-beside.ts';
import { sourceFiles, walk } from './source-files.ts';

// A program that is missing would be started as TypeScript by each test that needs it, which costs a second each time.
it('every program that `src` starts beside itself is joined before the tests', () => {
  const started: string[] = [];
  for (const { path, tree } of sourceFiles()) {
    walk(tree, (node) => {
      if (!ts.isCallExpression(node) || node.expression.getText() !== 'programBeside') return;
      const name = node.arguments[1] as ts.StringLiteral;
      started.push(posix.join(posix.dirname(path), name.text));
    });
  }
  expect(started.toSorted()).toEqual(JOINED_PROGRAMS.filter((program) => program.startsWith('src/')));
});

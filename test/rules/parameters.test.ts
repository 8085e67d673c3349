import { existsSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parse, sourceFiles, walk } from './source-files.ts';

/*
 * A function of six parameters is called with arguments that nobody can tell apart, so that it takes an object whose names
 * the caller writes. Where a benchmark forbids the object, a comment directly above names that benchmark.
 */

const MOST = 5;

/** Functions with more parameters, each with the benchmark that forbids an object, which is a folder of `bench`. */
const MAY_TAKE_MORE: Readonly<Record<string, string>> = {
  'src/messaging/actor-cell.ts Envelope': 'messages',
  'src/messaging/actor-cell.ts PendingRequest': 'messages',
  'src/messaging/delivery.ts message': 'messages',
  'src/messaging/delivery.ts #envelope': 'messages',
  'src/messaging/requests.ts PromisedRequest': 'messages',
  'src/messaging/requests.ts GuestRequest': 'messages',
  'src/runtime/direct/memory-view.ts check': 'runtime',
  'src/runtime/tasks/builtins.ts copy': 'async',
};

interface Wide {
  readonly name: string;
  /** What stands directly above. */
  readonly comment: string;
}

function wideIn(file: ts.SourceFile): readonly Wide[] {
  const found: Wide[] = [];
  walk(file, (node) => {
    if (!ts.isFunctionLike(node) || node.parameters.filter(({ name }) => name.getText() !== 'this').length <= MOST)
      return;
    const named = ts.isConstructorDeclaration(node) || node.name === undefined ? node.parent : node;
    const name = 'name' in named ? (named.name as ts.Node | undefined)?.getText() : undefined;
    found.push({
      name: name ?? 'a function',
      comment: node.getFullText().slice(0, node.getStart() - node.getFullStart()),
    });
  });
  return found;
}

describe('functions', () => {
  const wide = sourceFiles().flatMap(({ path, tree }) =>
    wideIn(tree).map((each) => ({ ...each, at: `${path} ${each.name}` })),
  );

  it(`take ${MOST} parameters at most, or an object`, () => {
    expect(
      wide.map(({ at }) => at).toSorted(),
      'take an object, or name the benchmark that forbids it in MAY_TAKE_MORE',
    ).toEqual(Object.keys(MAY_TAKE_MORE).toSorted());
  });

  it('that take more name the benchmark that forbids an object', () => {
    for (const { at, comment } of wide) {
      const group = MAY_TAKE_MORE[at];
      expect(comment, at).toContain(`benchmark \`${group}\``);
      expect(existsSync(`bench/${group}`), at).toBe(true);
    }
  });

  it.each([
    ['function f(a, b, c, d, e, g) {}', 'f'],
    ['class A { constructor(a, b, c, d, e, g) {} }', 'A'],
    ['class A { #m(a, b, c, d, e, g) {} }', '#m'],
    ['const f = (a, b, c, d, e, ...g) => {};', 'f'],
    ['interface A { m(a, b, c, d, e, g?): void }', 'm'],
  ])('are found in source: %s', (text, name) => {
    expect(wideIn(parse('planted.ts', text)).map((each) => each.name)).toEqual([name]);
  });
});

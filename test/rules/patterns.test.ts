import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { superlinear } from './linear-pattern.ts';
import { parse, placeOf, sourceFiles, walk } from './source-files.ts';

/*
 * No regular expression of the runtime takes longer than linear time, whatever text it meets. The rule is for all of
 * them, not only for those that meet foreign text: what a pattern is applied to changes more easily than the pattern.
 */

interface Pattern {
  readonly place: string;
  readonly source: string;
  readonly flags: string;
}

/** Patterns that are made of text when the program runs, and why they may be. */
const MADE_AT_RUN_TIME: Readonly<Record<string, string>> = {
  'src/bundle/oci/authoriser.ts': 'a secret of ours as it is written, each special character escaped: no quantifier',
  'src/guest/globals/inspect.ts': 'asks whether a value is one',
  'src/guest/globals/structured-clone.ts': 'copies one of the guest, inside the sandbox and its fuel',
};

function patternsIn(file: ts.SourceFile): { readonly literals: readonly Pattern[]; readonly made: readonly string[] } {
  const literals: Pattern[] = [];
  const made: string[] = [];
  walk(file, (node) => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      literals.push({ place: placeOf(node), source: node.text.slice(1, end), flags: node.text.slice(end + 1) });
    } else if (ts.isIdentifier(node) && node.text === 'RegExp' && !ts.isTypeReferenceNode(node.parent)) {
      made.push(placeOf(node));
    }
  });
  return { literals, made };
}

describe('regular expressions', () => {
  const found = sourceFiles().map(({ path, tree }) => ({ path, ...patternsIn(tree) }));

  it('take linear time at most, every one in src', () => {
    const literals = found.flatMap((file) => file.literals);
    expect(literals.length).toBeGreaterThan(80);
    const bad = literals.flatMap((pattern) => {
      const why = superlinear(pattern.source, pattern.flags);
      return why === undefined ? [] : [`${pattern.place}: /${pattern.source}/${pattern.flags} is ${why}`];
    });
    expect(bad, 'scan by hand, or write the pattern so that it cannot try again').toEqual([]);
  });

  it('are made of text in known places only', () => {
    const files = found.filter(({ made }) => made.length > 0).map(({ path }) => path);
    expect(files).toEqual(Object.keys(MADE_AT_RUN_TIME));
  });

  it.each([
    ['labels of two cases', '^(?:[a-z][a-z0-9]*)(?:-(?:[a-z0-9]+|[A-Z0-9]+))*$', ''],
    ['frames of a stack', '^at (.+) \\(wasm:(?:(.*)-)?[0-9a-f]{8}:', 'gm'],
    ['slashes at an end', '\\/+$', ''],
    ['a nested quantifier', '^(a+)+$', ''],
    ['a part that may be left out', '^(?:a*b?)*c', ''],
    ['alternatives that overlap', '^(?:[ab]|[bc])*$', ''],
    ['one loop behind another', '^\\s*:?\\s*$', ''],
    ['a pattern that nobody can decide', '(a)\\1', ''],
  ])('are found when they are not linear: %s', (_, source, flags) => {
    expect(superlinear(source, flags)).toMatch(/^(exponential$|polynomial$|not decided)/);
  });

  it.each([
    ['words joined by hyphens', '^[a-z][a-z0-9]*(-[a-z0-9]+)*$', ''],
    ['a search that has matched where its loop begins', '\\s+', 'g'],
    ['a loop between marks', '^"[^"]*"$', ''],
  ])('are taken when they are linear: %s', (_, source, flags) => {
    expect(superlinear(source, flags)).toBeUndefined();
  });

  it('are found in source text, and calls that make them too', () => {
    const { literals, made } = patternsIn(
      parse('planted.ts', 'const a: RegExp = /x+$/g;\nnew RegExp(b);\nReflect.construct(RegExp, []);'),
    );
    expect(literals).toEqual([{ place: 'planted.ts:1', source: 'x+$', flags: 'g' }]);
    expect(made).toEqual(['planted.ts:2', 'planted.ts:3']);
  });
});

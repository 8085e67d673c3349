import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { node24 } from '../../tools/node24.ts';

const MEASURE = fileURLToPath(new URL('./support/measure-objects.ts', import.meta.url));

interface Measured {
  readonly name: string;
  readonly taken: number;
  readonly charged: number;
}

const older = node24();
const nodes = [['this Node', process.execPath], ...(older === undefined ? [] : [['Node 24', older]])] as const;

/** @param names the kinds to measure; all of them when there is none */
function measure(node: string, ...names: readonly string[]): readonly Measured[] {
  const output = execFileSync(node, ['--expose-gc', '--no-warnings', MEASURE, ...names], { encoding: 'utf8' });
  return JSON.parse(output) as Measured[];
}

/** The kinds that are charged less than they take, or much more. The heap holds other things, too: a byte is left for them. */
function wrongIn(measured: readonly Measured[]): ReadonlyMap<string, Measured> {
  const wrong = measured.filter(({ taken, charged }) => charged <= taken - 1 || charged >= taken + 24);
  return new Map(wrong.map((each) => [each.name, each]));
}

describe('objects with garbage collection', () => {
  for (const [name, node] of nodes) {
    it(`are charged at least what V8 takes, and not much more, on ${name}`, () => {
      // Other things come to lie in the heap or leave it while a kind is measured: what is wrong must be so in each of six runs.
      const all = measure(node!);
      expect(all.length).toBeGreaterThan(40);
      let wrong = wrongIn(all);
      for (let run = 1; run < 6 && wrong.size > 0; run++) {
        const again = wrongIn(measure(node!, ...wrong.keys()));
        wrong = new Map([...wrong].filter(([kind]) => again.has(kind)));
      }
      expect([...wrong.values()]).toEqual([]);
    });
  }
});

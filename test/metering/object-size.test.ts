import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { node24 } from '../../bench/metering/child-process.ts';

const MEASURE = fileURLToPath(new URL('./support/measure-objects.ts', import.meta.url));

interface Measured {
  readonly name: string;
  readonly taken: number;
  readonly charged: number;
}

const older = node24();
const nodes = [['this Node', process.execPath], ...(older === undefined ? [] : [['Node 24', older]])] as const;

describe('objects with garbage collection', () => {
  for (const [name, node] of nodes) {
    it(`are charged at least what V8 takes, and not much more, on ${name}`, () => {
      const output = execFileSync(node!, ['--expose-gc', '--no-warnings', MEASURE], { encoding: 'utf8' });
      const measured = JSON.parse(output) as Measured[];
      expect(measured.length).toBeGreaterThan(40);
      // The heap holds other things, too: a byte for each object is left for them.
      for (const { taken, charged, name: kind } of measured) {
        expect(charged, `${kind}: V8 takes ${taken}`).toBeGreaterThan(taken - 1);
        expect(charged, `${kind}: V8 takes ${taken}`).toBeLessThan(taken + 24);
      }
    });
  }
});

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import type { LiftBounds } from '../../src/runtime/heap-cost.ts';
import { bothPaths } from './direct/both-paths.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const ITEMS = 20_000;

/** A component that answers a list of any element, of as many items as it is asked for, of memory that is all zero. */
function listOf(element: string, types: string): Promise<Uint8Array> {
  return parse(`(component
    ${types}
    (type $list (list ${element}))
    (core module $m (memory (export "memory") 80)
      (func (export "run") (param i32) (result i32)
        (i32.store (i32.const 512) (i32.const 1024)) (i32.store (i32.const 516) (local.get 0)) (i32.const 512)))
    (core instance $i (instantiate $m))
    (func (export "run") (param "n" u32) (result $list) (canon lift (core func $i "run") (memory (core memory $i "memory")))))`);
}

const KINDS: readonly [string, string, string][] = [
  ['empty lists of u64', '$e', '(type $e (list u64))'],
  ['empty lists of bytes', '$e', '(type $e (list u8))'],
  ['empty lists of lists', '$e', '(type $b (list u8)) (type $e (list $b))'],
  ['empty texts', 'string', ''],
  ['tuples of u64', '$e', '(type $e (tuple u64 u64))'],
  ['tuples of f64', '$e', '(type $e (tuple f64 f64 f64))'],
  ['nested tuples', '$e', '(type $t (tuple u64 f64)) (type $e (tuple $t $t))'],
  ['options', '$e', '(type $e (option u64))'],
  ['options of options', '$e', '(type $o (option u8)) (type $e (option $o))'],
  ['results', '$e', '(type $e (result u64 (error string)))'],
  ['characters', 'char', ''],
  ['bool', 'bool', ''],
];

describe.each(KINDS)('what lifting is charged for a list of %s', (_, element, types) => {
  it('is at least what V8 takes, directly and through the glue', async () => {
    let charged = 0;
    const paths = await bothPaths(await listOf(element, types), (bytes) => {
      charged += bytes;
    });
    const runWith = (bounds: LiftBounds): Run => paths.direct({}, undefined, bounds).run as Run;
    const runDirect = runWith({ mostBytes: 2 ** 40, look: () => {} });
    lookAgain(() => {
      const direct = taken(runDirect);
      expect(() => runWith({ mostBytes: direct, look: () => {} })(ITEMS)).toThrow(/lifts more/);
    });
    const run = paths.glue().run as Run;
    lookAgain(() => {
      const glue = taken((count) => {
        charged = 0;
        return run(count);
      });
      expect(charged).toBeGreaterThan(glue);
    });
  });
});

describe('the clock', () => {
  it.each([
    ['many lists that are empty', '$e', '(type $e (list u64))'],
    ['one list of many items', '$e', '(type $e (tuple u64 u64))'],
  ])('is looked at while a value is lifted that is %s', async (_, element, types) => {
    const paths = await bothPaths(await listOf(element, types));
    let looks = 0;
    const bounds: LiftBounds = {
      mostBytes: 2 ** 40,
      look: () => {
        if (++looks === 5) throw new Error('the time is over');
      },
    };
    expect(() => (paths.direct({}, undefined, bounds).run as Run)(ITEMS)).toThrow('the time is over');
  });
});

type Run = (count: number) => unknown;

/** Looks a few times, because whatever else V8 allocates meanwhile adds to a look, and never takes away from it. */
function lookAgain(look: () => void): void {
  for (let left = 4; left > 0; left--) {
    try {
      look();
      return;
    } catch {
      // The last look tells what is wrong.
    }
  }
  look();
}

/** Bytes that a value of `ITEMS` items takes of the heap and outside of it. */
function taken(run: Run): number {
  run(1);
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = run(ITEMS) as unknown[];
  collect();
  const after = process.memoryUsage().heapUsed;
  expect(kept).toHaveLength(ITEMS);
  return after - before;
}

import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Quota } from '#core/limits';
import type { MemoryPool, Tank } from '#core/ports/meter';
import { meter } from '../../../tools/metering/harness/metered.ts';
import { runs } from '../../support/runs.ts';

const PAGE = 65_536;
/** A funcref entry, and an object of one i32. */
const ENTRY = 32;
const OBJECT = 24;

const TEXT = `(module (type $object (struct (field i32))) (memory 1) (memory 2) (table 10 funcref)
  (func (export "first") (param i32) (result i32) (memory.grow 0 (local.get 0)))
  (func (export "second") (param i32) (result i32) (memory.grow 1 (local.get 0)))
  (func (export "table") (param i32) (result i32) (table.grow 0 (ref.null func) (local.get 0)))
  (func (export "objects") (param i32) (result i32)
    (block $done (loop $l (br_if $done (i32.eqz (local.get 0)))
      (drop (struct.new $object (i32.const 1))) (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br $l)))
    (i32.const 0)))`;
const BEGINS_WITH = 3 * PAGE + 10 * ENTRY;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = new WebAssembly.Module(meter.meterModule(await parse(TEXT), 'fuel').bytes as Uint8Array<ArrayBuffer>);
});

type Step = readonly ['first' | 'second' | 'table' | 'objects', number];

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom('first' as const, 'second' as const), fc.integer({ min: 0, max: 6 })),
  fc.tuple(fc.constant('table' as const), fc.integer({ min: 0, max: 3_000 })),
  fc.tuple(fc.constant('objects' as const), fc.integer({ min: 0, max: 6_000 })),
);

function bytesOf([what, count]: Step): number {
  return count * (what === 'table' ? ENTRY : what === 'objects' ? OBJECT : PAGE);
}

/** Any limit, or one that the first steps meet, miss by a byte or leave one of. */
const limitAndSteps: fc.Arbitrary<readonly [limit: number, steps: readonly Step[]]> = fc
  .array(step, { maxLength: 12 })
  .chain((steps) =>
    fc.tuple(
      fc.oneof(
        fc.integer({ min: 0, max: 12 * PAGE }),
        fc.tuple(fc.nat(steps.length), fc.constantFrom(-1, 0, 1)).map(([taken, more]) => {
          const bytes = steps.slice(0, taken).map(bytesOf);
          return bytes.reduce((sum, each) => sum + each, BEGINS_WITH + more);
        }),
      ),
      fc.constant(steps),
    ),
  );

/** Counts what it is asked for. */
class CountingPool implements MemoryPool {
  readonly memories = new Quota(1_000);
  held = 0;
  readonly #limit: number;
  constructor(limit: number) {
    this.#limit = limit;
  }
  reserve(bytes: number): boolean {
    if (this.held + bytes > this.#limit) return false;
    this.held += bytes;
    return true;
  }
  release(bytes: number): void {
    this.held -= bytes;
  }
}

describe('a limit of memory', () => {
  for (const limitedBy of ['the store', 'the pool'] as const) {
    it(`is kept to the byte over memories, tables and objects, where ${limitedBy} has it`, () => {
      fc.assert(
        fc.property(limitAndSteps, ([limit, steps]) => {
          const pool = new CountingPool(limitedBy === 'the pool' ? limit : Number.POSITIVE_INFINITY);
          const maxMemoryBytes = limitedBy === 'the store' ? limit : 2 ** 40;
          const tank = meter.createTank({ maxMemoryBytes, pool });
          follow(tank, limit, steps);
          tank.dispose();
          expect(pool.held).toBe(0);
        }),
        runs(300),
      );
    });
  }
});

/** Runs the steps and adds up beside them what must have been taken. */
function follow(tank: Tank, limit: number, steps: readonly Step[]): void {
  let held = BEGINS_WITH;
  let refused = 0;
  tank.begin({});
  if (held > limit) {
    expect(() => tank.link(module, {})).toThrow(expect.objectContaining({ code: 'METERING_MEMORY' }));
    return;
  }
  const exports = tank.link(module, {});
  tank.end();
  for (const taken of steps) {
    const [what, count] = taken;
    const bytes = bytesOf(taken);
    tank.begin({});
    const run = (): unknown => (exports[what] as (count: number) => unknown)(count);
    if (what === 'objects' && held + bytes > limit) {
      const failure = expect.objectContaining({ code: 'METERING_MEMORY' });
      expect(() => {
        try {
          run();
        } catch (thrown) {
          throw tank.failure(thrown);
        }
      }).toThrow(failure);
      return;
    }
    const answer = run();
    tank.end();
    if (held + bytes <= limit) {
      expect(answer).not.toBe(-1);
      held += bytes;
    } else {
      expect(answer).toBe(-1);
      refused++;
    }
    expect(tank.usage).toMatchObject({ memoryBytes: held, refusedGrowths: refused });
  }
}

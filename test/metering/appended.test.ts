import { describe, expect, it } from 'vitest';
import { meterModule } from '#metering';
import { assemble } from '../../tools/metering/wat.ts';
import { BUDGET, Guest } from './support/guest.ts';

const EACH = Array.from({ length: 12 }, (_, more) => more);

describe('what metering appends', () => {
  // The first index that the module does not have, and those behind it: one of them is the rewriter's.
  it.each<[string, (index: number) => string]>([
    ['function, called', (index) => `(func (call ${index + 1}))`],
    ['function, tail-called', (index) => `(func (return_call ${index + 1}))`],
    ['function, referred to', (index) => `(func (drop (ref.func ${index + 1})))`],
    ['function in a table', (index) => `(table 1 funcref) (elem (i32.const 0) ${index})`],
    ['function in a global', (index) => `(global funcref (ref.func ${index}))`],
    ['exported function', (index) => `(export "f" (func ${index}))`],
    ['start function', (index) => `(start ${index})`],
    [
      'type of an indirect call',
      (index) => `(table 1 funcref) (func (call_indirect (type ${index + 1}) (i32.const 0)))`,
    ],
    ['type of a call by reference', (index) => `(func (param funcref) (call_ref ${index + 1} (unreachable)))`],
    ['type of a cast', (index) => `(func (param funcref) (drop (ref.cast (ref ${index + 1}) (local.get 0))))`],
    ['type of a block', (index) => `(func (block (type ${index + 1}) (unreachable)))`],
    ['global, read', (index) => `(func (drop (global.get ${index})))`],
    ['global, written', (index) => `(func (global.set ${index} (i64.const 9)))`],
    ['exported global', (index) => `(export "g" (global ${index}))`],
    ['local, read', (index) => `(func (drop (local.get ${index})))`],
    ['local, written', (index) => `(func (param i32) (local.set ${index + 1} (i64.const 9)))`],
  ])('cannot be had by its index: a %s', async (_, text) => {
    for (const index of EACH) {
      const bytes = await assemble(`(module ${text(index)})`);
      expect(() => meterModule(bytes)).toThrow(expect.objectContaining({ code: 'METERING_INVALID_MODULE' }));
    }
  });

  it('is not handed on to another instance of the store', async () => {
    const guest = new Guest();
    const seen: string[] = [];
    const text = `(module (import "a" "f" (func $f)) (memory (export "memory") 1) (table (export "table") 1 funcref)
      (global (export "global") (mut i64) (i64.const 1)) (tag (export "tag")) (elem (i32.const 0) $f)
      (func (export "own") (call_indirect (i32.const 0))) (func $s) (start $s))`;
    for (let n = 0; n < 2; n++) {
      expect(await guest.link(text, { a: { f: () => {} } })).toBe('done');
      seen.push(Object.keys(guest.exports).toSorted().join());
    }
    expect(seen).toEqual(Array(2).fill('global,memory,own,table,tag'));
  });

  // A function `()` that takes the counter has the type `(i64) -> (i64)`, which a guest may have too.
  it.each<[string, string]>([
    ['a table of its own', '(table 2 funcref)'],
    ['a table that it exports', '(table (export "table") 2 funcref)'],
  ])('is not reached by giving a counter of its own to a function in %s', async (_, table) => {
    const guest = new Guest();
    await guest.link(`(module (type $plain (func)) (type $counted (func (param i64) (result i64))) ${table}
      (elem (i32.const 0) $f $g)
      (func $f (loop $l (br_if $l (i32.const 0)))) (func $g (param i64) (result i64) (local.get 0))
      (func (export "own") (result i64) (call_indirect (type $counted) (i64.const 5) (i32.const 1)))
      (func (export "run") (loop $l
        (drop (call_indirect (type $counted) (i64.const 0x3fffffffffffffff) (i32.const 0))) (br $l))))`);
    expect(guest.call('own')).toBe('returned 5');
    expect(guest.call('run')).toMatch(/signature mismatch/);
    expect(guest.tank.usage.callFuel).toBeLessThanOrEqual(BUDGET.fuel!);
  });

  it('is not reached by a reference to a function that is cast to the type of a counted one', async () => {
    const guest = new Guest();
    await guest.link(`(module (type $plain (func)) (type $counted (func (param i64) (result i64)))
      (elem declare func $f) (func $f (loop $l (br_if $l (i32.const 0))))
      (func (export "own") (result i32) (ref.test (ref $plain) (ref.func $f)))
      (func (export "run") (result i32) (local $r funcref) (local.set $r (ref.func $f))
        (ref.test (ref $counted) (local.get $r))))`);
    expect(guest.call('own')).toBe('returned 1');
    expect(guest.call('run')).toBe('returned 0');
  });
});

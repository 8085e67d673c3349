import { describe, expect, it } from 'vitest';
import { Guest } from './support/guest.ts';

/** Operations that take a length, which is local 0: fields of the module, and what stands around the length. */
const NARROW: readonly (readonly [name: string, fields: string, operation: string])[] = [
  ['memory.fill', '', '(memory.fill (i32.const 0) (i32.const 7) (local.get 0))'],
  ['memory.copy', '', '(memory.copy (i32.const 0) (i32.const 1) (local.get 0))'],
  ['memory.init', '(data $d "xyz")', '(memory.init $d (i32.const 0) (i32.const 0) (local.get 0))'],
  ['table.fill', '(table 9 funcref)', '(table.fill (i32.const 0) (ref.null func) (local.get 0))'],
  ['table.copy', '(table 9 funcref)', '(table.copy (i32.const 0) (i32.const 1) (local.get 0))'],
  [
    'table.init',
    '(table 9 funcref) (elem $e funcref (ref.null func))',
    '(table.init $e (i32.const 0) (i32.const 0) (local.get 0))',
  ],
  ['array.new', '(type $a (array (mut i64)))', '(drop (array.new $a (i64.const 1) (local.get 0)))'],
  ['array.new_default', '(type $a (array (mut i8)))', '(drop (array.new_default $a (local.get 0)))'],
  [
    'array.new_data',
    '(type $a (array (mut i8))) (data $d "xyz")',
    '(drop (array.new_data $a $d (i32.const 0) (local.get 0)))',
  ],
  [
    'array.new_elem',
    '(type $a (array (mut funcref))) (elem $e funcref (ref.null func))',
    '(drop (array.new_elem $a $e (i32.const 0) (local.get 0)))',
  ],
  [
    'array.fill',
    '(type $a (array (mut i8)))',
    '(array.fill $a (array.new_default $a (i32.const 4)) (i32.const 0) (i32.const 1) (local.get 0))',
  ],
  [
    'array.copy',
    '(type $a (array (mut i8))) (global $g (ref $a) (array.new_default $a (i32.const 4)))',
    '(array.copy $a $a (global.get $g) (i32.const 0) (global.get $g) (i32.const 1) (local.get 0))',
  ],
  [
    'array.init_data',
    '(type $a (array (mut i8))) (data $d "xyz")',
    '(array.init_data $a $d (array.new_default $a (i32.const 4)) (i32.const 0) (i32.const 0) (local.get 0))',
  ],
  [
    'array.init_elem',
    '(type $a (array (mut funcref))) (elem $e funcref (ref.null func))',
    '(array.init_elem $a $e (array.new_default $a (i32.const 4)) (i32.const 0) (i32.const 0) (local.get 0))',
  ],
];

const WIDE: typeof NARROW = [
  ['memory.fill', '', '(memory.fill $w (i64.const 0) (i32.const 7) (local.get 0))'],
  ['memory.copy', '', '(memory.copy $w $w (i64.const 0) (i64.const 1) (local.get 0))'],
  ['table.fill', '(table $t i64 9 funcref)', '(table.fill $t (i64.const 0) (ref.null func) (local.get 0))'],
  ['table.copy', '(table $t i64 9 funcref)', '(table.copy $t $t (i64.const 0) (i64.const 1) (local.get 0))'],
];

const FUEL = 50_000_000n;
const OUT = 'METERING_OUT_OF_FUEL';
const LARGE = [
  ...[-1n, -2n, 1n << 63n, (1n << 63n) - 1n, (1n << 62n) + 1n, 1n << 62n, (1n << 62n) - 1n],
  ...[(1n << 53n) + 1n, 1n << 53n, (1n << 53n) - 1n, 1n << 32n, FUEL],
];

describe('a length that the budget cannot hold', () => {
  it.each(NARROW)('is not carried out by %s', async (_, fields, operation) => {
    for (const length of [-1, -2, 0x8000_0000, 0x7fff_ffff, 0xffff_0000, Number(FUEL)]) {
      const guest = new Guest();
      const text = `(module (memory (export "memory") 1) ${fields} (func (export "run") (param i32) ${operation}))`;
      expect(await guest.link(text)).toBe('done');
      expect(guest.call('run', [length], { fuel: FUEL, timeMs: 120_000 })).toBe(OUT);
      expect(guest.tank.usage.callFuel).toBe(FUEL);
      expect(new Uint8Array((guest.exports.memory as unknown as WebAssembly.Memory).buffer).some(Boolean)).toBe(false);
    }
  });

  it.each(WIDE)('of 64 bits is not carried out by %s', async (_, fields, operation) => {
    for (const length of LARGE) {
      const guest = new Guest();
      const text = `(module (memory $w (export "memory") i64 1) ${fields} (func (export "run") (param i64) ${operation}))`;
      expect(await guest.link(text)).toBe('done');
      expect(guest.call('run', [length], { fuel: FUEL, timeMs: 120_000 })).toBe(OUT);
      expect(guest.tank.usage.callFuel).toBe(FUEL);
      expect(new Uint8Array((guest.exports.memory as unknown as WebAssembly.Memory).buffer).some(Boolean)).toBe(false);
    }
  });
});

describe('a length that the memory cannot hold', () => {
  it.each(NARROW)('ends %s at once where fuel has no limit', async (name, fields, operation) => {
    for (const length of [-1, 0x8000_0000, 0x7fff_ffff]) {
      const guest = new Guest(2 ** 20);
      await guest.link(`(module (memory 1) ${fields} (func (export "run") (param i32) ${operation}))`, {}, {});
      const end = guest.call('run', [length], { timeMs: 2_000 });
      expect(end).toMatch(/^array\.new/.test(name) ? /^METERING_MEMORY$/ : /out of bounds/);
    }
  });

  for (const mode of ['fuel', 'deadline'] as const) {
    it.each(WIDE)(
      `of 64 bits ends %s as the plain one ends, where fuel has no limit, in mode ${mode}`,
      async (_, fields, operation) => {
        for (const length of LARGE) {
          const guest = new Guest();
          const text = `(module (memory $w i64 1) ${fields} (func (export "run") (param i64) ${operation}))`;
          await guest.link(text, {}, {}, mode);
          expect(guest.call('run', [length], {})).toMatch(/out of bounds/);
        }
      },
    );
  }
});

import { afterEach, describe, expect, it } from 'vitest';
import type { MeteringMode } from '#core';
import { BUDGET, Guest } from './support/guest.ts';

const OUT = 'METERING_OUT_OF_FUEL';

/** Guests whose `run` never ends unless it is stopped, or does too much at once. */
const ENDLESS: readonly (readonly [name: string, text: string])[] = [
  ['a loop', '(func (export "run") (loop $l (br $l)))'],
  ['a loop without a body behind a branch', '(func (export "run") (loop $l (br_if $l (i32.const 1))))'],
  [
    'a loop in a try_table with catch_all',
    '(func (export "run") (loop $again (block $caught (try_table (catch_all $caught) (loop $l (br $l)))) (br $again)))',
  ],
  [
    'a loop in a try_table with catch_all_ref',
    `(func (export "run") (loop $again (block $caught (result exnref)
      (try_table (catch_all_ref $caught) (loop $l (br $l))) (br $again)) drop (br $again)))`,
  ],
  ['a loop in a legacy try', '(func (export "run") (loop $again try (loop $l (br $l)) catch_all (br $again) end))'],
  [
    'a loop in a legacy try that delegates',
    '(func (export "run") (loop $again try $outer try (loop $l (br $l)) delegate $outer catch_all (br $again) end))',
  ],
  [
    'a loop in a handler that rethrows',
    `(tag $e) (func $f (loop $again try throw $e catch_all (loop $l (br $l)) rethrow 0 end))
     (func (export "run") (loop $again try call $f catch_all (br $again) end))`,
  ],
  [
    'exceptions thrown out of deep work and caught in a loop',
    `(tag $e) (func $work (param i32) (if (i32.eqz (local.get 0)) (then (throw $e)))
       (call $work (i32.sub (local.get 0) (i32.const 1))))
     (func (export "run") (loop $again
       (block $caught (try_table (catch $e $caught) (call $work (i32.const 50)))) (br $again)))`,
  ],
  [
    'exceptions thrown out of deep work and caught by a legacy handler',
    `(tag $e) (func $work (param i32) (if (i32.eqz (local.get 0)) (then (throw $e)))
       (call $work (i32.sub (local.get 0) (i32.const 1))))
     (func (export "run") (loop $again try (call $work (i32.const 50)) catch $e end (br $again)))`,
  ],
  ['a direct tail-call ring', '(func $a (return_call $b)) (func $b (return_call $a)) (func (export "run") (call $a))'],
  [
    'an indirect tail-call ring',
    `(type $t (func)) (table 2 funcref) (elem (i32.const 0) $a $b)
     (func $a (return_call_indirect (type $t) (i32.const 1))) (func $b (return_call_indirect (type $t) (i32.const 0)))
     (func (export "run") (call $a))`,
  ],
  [
    'an indirect tail-call ring through an exported table',
    `(type $t (func)) (table (export "table") 2 funcref) (elem (i32.const 0) $a $b)
     (func $a (return_call_indirect (type $t) (i32.const 1))) (func $b (return_call_indirect (type $t) (i32.const 0)))
     (func (export "run") (call $a))`,
  ],
  [
    'a tail-call ring by reference',
    `(type $t (func)) (elem declare func $a)
     (func $a (return_call_ref $t (ref.func $a))) (func (export "run") (call $a))`,
  ],
  ['a br_table loop', '(func (export "run") (loop $l (block $b (br_table $b $l $l (i32.const 1))) (br $l)))'],
  ['a br_on_null loop', '(func (export "run") (loop $l (br_on_null $l (ref.null func)) drop))'],
  [
    'a br_on_cast loop',
    `(func (export "run") (local $r anyref) (loop $l (block $b (result (ref i31))
      (br_on_cast $b anyref (ref i31) (ref.i31 (i32.const 1))) drop (return)) drop (br $l)))`,
  ],
  [
    'a nest of small leaves',
    `(func $a (param i32) (result i32) ${'(local.set 0 (i32.add (local.get 0) (i32.const 1)))'.repeat(40)} local.get 0)
     (func $b (param i32) (result i32) local.get 0 ${'call $a '.repeat(40)})
     (func $c (param i32) (result i32) local.get 0 ${'call $b '.repeat(40)})
     (func (export "run") (param i32) (loop $l (drop (call $c (i32.const 1))) (br $l)))`,
  ],
  [
    'memory.fill of 64 MiB',
    '(memory 1 1024) (func (export "run") (drop (memory.grow (i32.const 500))) (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 30000000)) (br $l)))',
  ],
  [
    'memory.copy',
    '(memory 16) (func (export "run") (loop $l (memory.copy (i32.const 0) (i32.const 1) (i32.const 1000000)) (br $l)))',
  ],
  [
    'table.fill',
    '(table 100000 funcref) (func (export "run") (loop $l (table.fill (i32.const 0) (ref.null func) (i32.const 100000)) (br $l)))',
  ],
  ['a length of -1', '(memory 1) (func (export "run") (memory.fill (i32.const 0) (i32.const 1) (i32.const -1)))'],
  [
    'a length of 2^64 - 1',
    '(memory i64 1) (func (export "run") (memory.fill (i64.const 0) (i32.const 1) (i64.const -1)))',
  ],
  [
    'a length of 2^63',
    '(memory i64 1) (func (export "run") (memory.copy (i64.const 0) (i64.const 0) (i64.const 0x8000000000000000)))',
  ],
  [
    'array.new_default of the largest size',
    '(type $a (array i8)) (func (export "run") (drop (array.new_default $a (i32.const -1))))',
  ],
  [
    'array.fill in a loop',
    '(type $a (array (mut i8))) (func (export "run") (local $a (ref $a)) (local.set $a (array.new_default $a (i32.const 100000))) (loop $l (array.fill $a (local.get $a) (i32.const 0) (i32.const 1) (i32.const 100000)) (br $l)))',
  ],
];

const guests: Guest[] = [];
function guest(maxMemoryBytes?: number): Guest {
  const made = new Guest(maxMemoryBytes);
  guests.push(made);
  return made;
}

/** After each: the process serves the next guest, and no stopped store runs again. */
afterEach(async () => {
  for (const stopped of guests.splice(0)) {
    if (Object.keys(stopped.exports).length === 0) continue;
    const [entry = ''] = Object.keys(stopped.exports).filter((name) => typeof stopped.exports[name] === 'function');
    expect(() => stopped.exports[entry]?.(1)).toThrow(WebAssembly.RuntimeError);
    expect(stopped.call(entry)).toMatch(/^METERING_|^STOPPED/);
  }
  const next = new Guest();
  await next.link('(func (export "run") (result i32) i32.const 7)');
  expect(next.call('run')).toBe('returned 7');
});

describe('fuel cannot be evaded by', () => {
  it.each(ENDLESS)('%s', async (_, text) => {
    const stopped = guest();
    await stopped.link(`(module ${text})`);
    expect(stopped.call('run')).toBe(OUT);
    expect(stopped.tank.usage.callFuel).toBe(BUDGET.fuel);
  });

  it('100,000 operators without a branch, once they are past the limit', async () => {
    const stopped = guest();
    await stopped.link(`(module (func (export "run") (local i32) ${'(local.set 0 (local.get 0))'.repeat(50_000)}))`);
    expect(stopped.call('run', [], { fuel: 100_001n })).toBe('returned undefined');
    expect(stopped.call('run', [], { fuel: 100_000n })).toBe(OUT);
  });

  it('a start function', async () => {
    const stopped = guest();
    expect(await stopped.link('(module (func $s (loop $l (br $l))) (start $s))')).toBe(OUT);
  });

  it('segments and initialisers that are evaluated at start', async () => {
    const stopped = guest();
    const text = `(module (import "a" "g" (global $g i32)) (memory 4)
      (data (global.get $g) "${'x'.repeat(10_000)}"))`;
    expect(await stopped.link(text, { a: { g: 0 } }, { fuel: 10_001n })).toBe(OUT);
    const enough = new Guest();
    expect(await enough.link(text, { a: { g: 0 } }, { fuel: 10_002n })).toBe('done');
  });

  it('two instances that call each other through an adapter', async () => {
    const stopped = guest();
    let second: Record<string, () => void> = {};
    await stopped.link(
      '(module (import "a" "next" (func $next)) (func (export "run") (loop $l (call $next) (br $l))))',
      {
        a: { next: () => second.back?.() },
      },
    );
    const first = stopped.exports;
    await stopped.link('(module (func (export "back") (nop)))');
    second = stopped.exports as Record<string, () => void>;
    stopped.exports = first;
    expect(stopped.call('run')).toBe(OUT);
  });

  it('a ring of tail calls through two instances', async () => {
    const stopped = guest();
    const text = (other: string): string =>
      `(module (import "a" "table" (table 2 funcref)) (type $t (func)) (elem (i32.const ${other === '1' ? 0 : 1}) $f)
        (func $f (export "run") (return_call_indirect (type $t) (i32.const ${other}))))`;
    const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2 });
    await stopped.link(text('1'), { a: { table } });
    await stopped.link(text('0'), { a: { table } });
    expect(stopped.call('run')).toBe(OUT);
  });

  it('a host function that calls back, whatever the guest does there', async () => {
    const stopped = guest();
    await stopped.link(
      `(module (import "a" "again" (func $again)) (func (export "back") (loop $l (br $l)))
        (func (export "run") (loop $l (block $c (try_table (catch_all $c) (call $again))) (br $l))))`,
      { a: { again: () => stopped.exports.back?.() } },
    );
    expect(stopped.call('run')).toBe(OUT);
  });

  it('a host function that swallows what its call back threw', async () => {
    const stopped = guest();
    let calls = 0;
    await stopped.link(
      `(module (import "a" "again" (func $again)) (func (export "back") (loop $l (br $l)))
        (func (export "run") (loop $l (call $again) (br $l))))`,
      {
        a: {
          again: () => {
            calls++;
            try {
              stopped.exports.back?.();
            } catch {
              // As careless as a host can be.
            }
          },
        },
      },
    );
    expect(stopped.call('run')).toBe(OUT);
    expect(calls).toBe(1);
  });

  it('reaching for the counter through what the rewriter appends', async () => {
    const stopped = guest();
    await stopped.link(
      '(module (global $g (export "mine") (mut i64) (i64.const 5)) (func (export "run") (loop $l (global.set $g (i64.const 9000000)) (br $l))))',
    );
    expect(Object.keys(stopped.exports).toSorted()).toEqual(['mine', 'run']);
    expect(stopped.call('run')).toBe(OUT);
  });
});

describe('a deadline cannot be evaded by', () => {
  const modes: readonly MeteringMode[] = ['fuel', 'deadline'];
  it.each(modes.flatMap((mode) => ENDLESS.slice(0, 17).map(([name, text]) => [name, mode, text] as const)))(
    '%s, in mode %s',
    async (_, mode, text) => {
      const stopped = guest();
      await stopped.link(`(module ${text})`, {}, BUDGET, mode);
      expect(stopped.call('run', [], { timeMs: 20 })).toMatch(/^METERING_(DEADLINE|MEMORY)/);
    },
  );
});

describe('the stack', () => {
  const catchers: readonly (readonly [string, (inner: string) => string])[] = [
    ['nothing around it', (inner) => inner],
    ['a legacy catch_all', (inner) => `try ${inner} catch_all end`],
    ['a try_table', (inner) => `(block $c (try_table (catch_all $c) ${inner}))`],
    [
      'a try_table with exnref',
      (inner) => `(block $c (result exnref) (try_table (catch_all_ref $c) ${inner}) (return)) drop`,
    ],
  ];
  const inners: readonly (readonly [string, string])[] = [
    ['itself', 'call $f'],
    ['a host function and itself', 'call $host call $f'],
    ['the host, which calls back', 'call $back'],
  ];

  it.each(catchers.flatMap(([around, wrap]) => inners.map(([calls, inner]) => [calls, around, wrap(inner)] as const)))(
    'ends a function that calls %s, with %s, in baseline and optimised code',
    async (_, __, body) => {
      for (const warm of [0, 20_000]) {
        const stopped = guest();
        let halfway = 0;
        const host = (): void => {
          halfway++;
          JSON.stringify({ some: ['work'] });
          halfway--;
        };
        const text = `(module (import "a" "host" (func $host)) (import "a" "back" (func $back))
          (func $f (export "run") (param i32) (if (i32.eqz (local.get 0)) (then (return)))
            (local.set 0 (i32.sub (local.get 0) (i32.const 1))) ${body.replaceAll('$f', '$g')})
          (func $g (call $f (i32.const 1000000000)))
          (func (export "warm") (param i32) (loop $l (call $f (i32.const 0))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`;
        await stopped.link(text, { a: { host, back: () => stopped.exports.run?.(1_000_000_000) } });
        if (warm > 0) stopped.call('warm', [warm]);
        expect(stopped.call('run', [1_000_000_000])).toBe('METERING_STACK');
        expect(halfway).toBe(0);
      }
    },
  );
});

describe('memory', () => {
  it('is not had by growing memories and tables in a loop, in several at once, of either width', async () => {
    const roomy = new Guest(2 ** 20);
    await roomy.link(`(module (memory $a 1) (memory $b i64 1) (table $t 1 funcref) (table $x 1 externref)
      (func (export "a") (result i32) (memory.grow $a (i32.const 1)))
      (func (export "b") (result i64) (memory.grow $b (i64.const 1)))
      (func (export "b-all") (result i64) (memory.grow $b (i64.const -1)))
      (func (export "t") (result i32) (table.grow $t (ref.null func) (i32.const 1000)))
      (func (export "x") (result i32) (table.grow $x (ref.null extern) (i32.const 1000))))`);
    const before = roomy.tank.usage.memoryBytes;
    expect(before).toBe(2 * 65536 + 32 + 8);
    expect(roomy.call('b-all')).toBe('returned -1');
    for (let n = 0; n < 40; n++) for (const name of ['a', 'b', 't', 'x']) roomy.call(name);
    expect(roomy.tank.usage.memoryBytes).toBeLessThanOrEqual(2 ** 20);
    expect(roomy.tank.usage.memoryBytes).toBeGreaterThan(2 ** 20 - 65536);
    expect(roomy.call('a')).toBe('returned -1');
    expect(roomy.tank.usage.refusedGrowths).toBeGreaterThan(1);
  });

  it('counts a growth that the guest itself declared impossible as nothing', async () => {
    const roomy = new Guest();
    await roomy.link('(module (memory 1 2) (func (export "run") (result i32) (memory.grow (i32.const 5))))');
    const before = roomy.tank.usage.memoryBytes;
    expect(roomy.call('run', [], { fuel: 3n })).toBe('returned -1');
    expect(roomy.tank.usage.memoryBytes).toBe(before);
  });

  it('is refused before instantiation when it begins too large', async () => {
    const small = new Guest(65536);
    expect(await small.link('(module (memory 2))')).toBe('METERING_MEMORY');
    const tables = new Guest(65536);
    expect(await tables.link('(module (table 10000 funcref))')).toBe('METERING_MEMORY');
    const arrays = new Guest(65536);
    const text = `(module (import "a" "n" (global $n i32)) (type $a (array i64))
      (global (ref $a) (array.new_default $a (global.get $n))))`;
    expect(await arrays.link(text, { a: { n: 100_000 } })).toBe('METERING_MEMORY');
  });

  it.each([
    [
      'structs',
      `(type $s (struct (field (ref null $s)) (field i64))) (global $list (mut (ref null $s)) (ref.null $s))
       (func (export "run") (local i32) (local.set 0 (i32.const 100)) (loop $l
         (global.set $list (struct.new $s (global.get $list) (i64.const 1)))
         (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))`,
    ],
    [
      'arrays',
      `(type $a (array (mut (ref null $a)))) (global $list (mut (ref null $a)) (ref.null $a))
       (func (export "run") (local (ref null $a)) (local.set 0 (array.new_default $a (i32.const 400)))
         (array.set $a (local.get 0) (i32.const 0) (global.get $list)) (global.set $list (local.get 0)))`,
    ],
    [
      'caught exceptions',
      `(tag $e (param v128 v128 v128)) (table $t 1000 exnref) (global $n (mut i32) (i32.const 0))
       (func (export "run") (local i32) (local.set 0 (i32.const 20)) (loop $l
         (table.set $t (i32.rem_u (global.get $n) (i32.const 1000)) (block $c (result exnref)
           (try_table (catch_all_ref $c) (throw $e (v128.const i64x2 1 2) (v128.const i64x2 1 2) (v128.const i64x2 1 2)))
           unreachable))
         (global.set $n (i32.add (global.get $n) (i32.const 1)))
         (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))`,
    ],
  ])('is not had by a list of %s that grows over many calls', async (_, text) => {
    const stopped = guest(2 ** 20);
    await stopped.link(`(module ${text})`);
    let end = '';
    for (let calls = 0; calls < 1_000 && end !== 'METERING_MEMORY'; calls++) {
      end = stopped.call('run');
      if (end !== 'METERING_MEMORY') expect(end).toBe('returned undefined');
    }
    expect(end).toBe('METERING_MEMORY');
    expect(stopped.tank.usage.memoryBytes).toBeLessThanOrEqual(2 ** 20);
  });
});

describe('a host function that stops the call', () => {
  it.each([
    ['is not caught', '(block $c (try_table (catch_all $c) (call $stop)))'],
    ['is not caught by a legacy handler', 'try call $stop catch_all end'],
    ['stops a tail call', 'call $tail'],
    ['stops an indirect call', '(call_indirect (i32.const 0))'],
    ['stops also when it throws', '(block $c (try_table (catch_all $c) (call $throw)))'],
  ])('%s', async (_, body) => {
    const stopped = guest();
    let later = 0;
    const reason = Object.assign(new Error('told to'), { code: 'STOPPED', details: {}, toJSON: () => ({}) });
    const stop = (): void => stopped.tank.stop(reason);
    const legacy = body.startsWith('try');
    await stopped.link(
      `(module (import "a" "stop" (func $stop)) (import "a" "throw" (func $throw)) (import "a" "later" (func $later))
        (table 1 funcref) (elem (i32.const 0) $stop) (func $tail (return_call $stop))
        ${legacy ? '' : '(func (export "unused") (block $c (try_table (catch_all $c))))'}
        (func (export "run") (loop $l ${body} (call $later) (br $l))))`,
      {
        a: {
          stop,
          throw: () => {
            stop();
            throw new Error('and so');
          },
          later: () => {
            later++;
          },
        },
      },
    );
    expect(stopped.call('run')).toBe('STOPPED');
    expect(later).toBe(0);
  });
});

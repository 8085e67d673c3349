import { afterEach, describe, expect, it } from 'vitest';
import { VivariumError } from '#core/errors';
import type { MeteringMode } from '#core/ports/meter';
import { BULK, LOOPS } from '../../tools/metering/endless.ts';
import { BUDGET, Guest } from './support/guest.ts';
import { RECURSIONS, recursion } from './support/recursion.ts';

const OUT = 'METERING_OUT_OF_FUEL';

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
    expect(() => stopped.tank.begin({})).toThrow();
    expect(stopped.call(entry)).toMatch(/^METERING_|^STOPPED/);
  }
  const next = new Guest();
  await next.link('(func (export "run") (result i32) i32.const 7)');
  expect(next.call('run')).toBe('returned 7');
});

describe('fuel cannot be evaded by', () => {
  it.each([...LOOPS, ...BULK])('%s', async (_, text) => {
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
  it.each(modes.flatMap((mode) => LOOPS.map(([name, text]) => [name, mode, text] as const)))(
    '%s, in mode %s',
    async (_, mode, text) => {
      const stopped = guest();
      await stopped.link(`(module ${text})`, {}, BUDGET, mode);
      expect(stopped.call('run', [], { timeMs: 20 })).toMatch(/^METERING_(DEADLINE|MEMORY)/);
    },
  );
});

describe('the stack', () => {
  it.each(RECURSIONS)('ends a function that calls %s, with %s, in baseline and optimised code', async (_, __, body) => {
    for (const warm of [0, 20_000]) {
      const stopped = guest();
      const { halfway, end } = await recursion(stopped, body, warm);
      expect(end).toBe('METERING_STACK');
      expect(halfway).toBe(0);
    }
  });
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
  const modes: readonly MeteringMode[] = ['fuel', 'deadline'];
  const ways: readonly (readonly [string, string])[] = [
    ['is not caught', '(block $c (try_table (catch_all $c) (call $stop)))'],
    ['is not caught by a legacy handler', 'try call $stop catch_all end'],
    ['stops a loop that calls nothing else', '(call $stop)'],
    ['stops a tail call', 'call $tail'],
    ['stops a tail call of a reference', 'call $tail-reference'],
    ['stops an indirect call', '(call_indirect (i32.const 0))'],
    ['stops an indirect call through a table that others reach', '(call_indirect $shared (i32.const 0))'],
    ['stops an indirect call of what tail-calls it', '(call_indirect (i32.const 1))'],
    ['stops a call of a reference', '(call_ref $void (ref.func $stop))'],
    ['stops also when it throws', '(block $c (try_table (catch_all $c) (call $throw)))'],
  ];
  it.each(
    modes.flatMap((mode) =>
      ways.flatMap(([way, body]) => [true, false].map((again) => [way, mode, again ? 'again' : 'once', body] as const)),
    ),
  )('%s, in mode %s, asked %s', async (_, mode, times, body) => {
    const stopped = guest();
    let later = 0;
    const reason = new VivariumError('STOPPED', 'told to');
    const stop = (): void => stopped.tank.stop(reason);
    const legacy = body.startsWith('try');
    const run = `${body} (call $later)`;
    await stopped.link(
      `(module (import "a" "stop" (func $stop)) (import "a" "throw" (func $throw)) (import "a" "later" (func $later))
        (type $void (func))
        (table 2 funcref) (elem (i32.const 0) $stop $tail) (func $tail (return_call $stop))
        (table $shared (export "shared") 1 funcref) (elem (table $shared) (i32.const 0) func $stop)
        (func $tail-reference (return_call_ref $void (ref.func $stop)))
        ${legacy ? '' : '(func (export "unused") (block $c (try_table (catch_all $c))))'}
        (func (export "run") ${times === 'again' ? `(loop $l ${run} (br $l))` : run}))`,
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
      BUDGET,
      mode,
    );
    expect(stopped.call('run')).toBe('STOPPED');
    expect(later).toBe(0);
  });
});

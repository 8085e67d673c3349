import { describe, expect, it } from 'vitest';
import { RewritingMeter } from '#metering';
import { assemble } from '../../tools/metering/wat.ts';
import { Guest } from './support/guest.ts';

/** What may run past a limit: one way through functions that do not look at the budget. */
const MOST = 8_192;

/** Three levels of functions, each of which calls the one below 40 times; the lowest says that it ran. */
const nest = (leaf: string, wrap = (calls: string): string => calls): string => `(module
  (global $ran (export "ran") (mut i32) (i32.const 0))
  (func $a (param i32) (result i32) ${leaf} local.get 0)
  (func $b (param i32) (result i32) local.get 0 ${wrap('call $a '.repeat(40))})
  (func $c (param i32) (result i32) local.get 0 ${wrap('call $b '.repeat(40))})
  (func (export "run") (param i32) (result i32) local.get 0 ${wrap('call $c '.repeat(40))}))`;

const COUNT = '(global.set $ran (i32.add (global.get $ran) (i32.const 1)))';

describe('a nest of small functions, 40 x 40 x 40 calls', () => {
  it.each<[string, string, number]>([
    // Entry, count of 4, local.get; and its call.
    ['of one way', nest(COUNT), 7],
    ['of two ways', nest(`${COUNT} (if (local.get 0) (then (local.set 0 (i32.const 1))))`), 8],
    ['in blocks', nest(COUNT, (calls) => `drop (block (result i32) (i32.const 0) ${calls})`), 7],
  ])('%s runs no further past its limit than one way does', async (_, text, leastCost) => {
    const all = new Guest();
    await all.link(text);
    expect(all.call('run', [0])).toBe('returned 0');
    expect((all.exports.ran as unknown as WebAssembly.Global).value).toBe(64_000);
    const { callFuel } = all.tank.usage;
    for (let limit = 0n; limit < callFuel; limit += callFuel / 37n) {
      const guest = new Guest();
      await guest.link(text);
      expect(guest.call('run', [0], { fuel: limit })).toBe('METERING_OUT_OF_FUEL');
      const ran = (guest.exports.ran as unknown as WebAssembly.Global).value * leastCost;
      expect(ran).toBeLessThanOrEqual(Number(limit) + MOST);
    }
    const enough = new Guest();
    await enough.link(text);
    expect(enough.call('run', [0], { fuel: callFuel })).toBe('returned 0');
    expect(enough.call('run', [0], { fuel: callFuel - 1n })).toBe('METERING_OUT_OF_FUEL');
  });
});

describe('in mode deadline the clock is read', () => {
  /** Runs with a clock that `tick` moves, and tells how often it was read. */
  async function run(text: string, tick: () => number, host: () => void = () => {}): Promise<number> {
    let readings = 0;
    const meter = new RewritingMeter(() => {
      readings++;
      return tick();
    });
    const module = new WebAssembly.Module(
      meter.meterModule(await assemble(text), 'deadline').bytes as Uint8Array<ArrayBuffer>,
    );
    const tank = meter.createTank({ maxMemoryBytes: 2 ** 20 });
    tank.begin({});
    const exports = tank.link(module, { a: { host } }) as { run: () => void };
    tank.end();
    tank.begin({ timeMs: 1_000 });
    readings = 0;
    try {
      exports.run();
      tank.end();
    } catch (thrown) {
      expect(tank.failure(thrown)).toMatchObject({ code: 'METERING_DEADLINE' });
    }
    return readings;
  }

  /** Units of a slice: while the clock stands still they stay as large as they begin. */
  const SLICE = 100_000;

  it.each([
    ['a straight run', (calls: string) => calls],
    ['a loop that calls the host', (calls: string) => `(loop $l ${calls} (call $host) (br_if $l (global.get $zero)))`],
    ['a loop', (calls: string) => `(loop $l ${calls} (br_if $l (global.get $zero)))`],
  ])('within %s that calls small functions many times', async (_, around) => {
    const leaf = '(global.set $g (i32.add (global.get $g) (i32.const 1)))'.repeat(1_000);
    const text = `(module (import "a" "host" (func $host)) (global $g (mut i32) (i32.const 0)) (global $zero i32 (i32.const 0))
      (func $leaf ${leaf}) (func (export "run") ${around('call $leaf '.repeat(5_000))}))`;
    expect(await run(text, () => 0)).toBeGreaterThanOrEqual((4_000 * 5_000) / SLICE - 1);
  });

  it('as often behind a loop with many operators of which each turn runs few', async () => {
    const arms = 200;
    const arm = `${'(global.set $g (i32.add (global.get $g) (i32.const 1)))'.repeat(50)} (br $l)`;
    const interpreter = `(loop $l (br_if $end (i32.eqz (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      ${'(block '.repeat(arms)}
      (br_table ${Array.from({ length: arms }, (_, at) => at).join(' ')} (i32.const -1))
      ${`) ${arm}`.repeat(arms)})`;
    const turns = 1_000_000;
    const text = (
      before: string,
    ): string => `(module (import "a" "host" (func $host)) (global $g (mut i32) (i32.const 0))
      (func (export "run") (local $n i32) ${before} (local.set $n (i32.const ${turns}))
        (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))`;
    const alone = await run(text(''), () => 0);
    const behind = await run(text(`(local.set $n (i32.const 20_000)) (block $end ${interpreter})`), () => 0);
    expect(alone).toBeGreaterThanOrEqual((turns * 5) / SLICE - 1);
    expect(behind).toBeGreaterThan(alone);
    // Were its turns charged in full, the clock would be read at every third.
    expect(behind).toBeLessThan(alone + 200);
  });

  it('on ways through a function that are much longer than others', async () => {
    const long = '(block (br_if 0 (local.get 0)) (global.set $g (i32.add (global.get $g) (i32.const 1))))'.repeat(
      10_000,
    );
    const text = `(module (import "a" "host" (func $host)) (global $g (mut i32) (i32.const 0))
      (func (export "run") (local i32) ${long.repeat(8)}))`;
    expect(await run(text, () => 0)).toBeGreaterThanOrEqual((8 * 10_000 * 6) / SLICE - 1);
  });

  it.each([
    ['a loop', '(loop $l (call $host) (br $l))'],
    ['a loop with a loop in it', '(loop $o (loop $l (call $host) (br_if $l (i32.const 1))) (br $o))'],
    ['a loop that calls functions too', '(loop $l (call $f) (br $l))'],
    ['recursion', '(call $g)'],
  ])('soon enough when %s calls a host that takes a millisecond each time', async (_, body) => {
    let now = 0;
    let calls = 0;
    const text = `(module (import "a" "host" (func $host)) (func $f (call $host)) (func $g (call $host) (call $g))
      (func (export "run") ${body}))`;
    await run(
      text,
      () => now,
      () => {
        calls++;
        now++;
      },
    );
    // A call of the host counts as 100 units, and the first slice has 100,000.
    expect(calls).toBeGreaterThan(1_000);
    expect(calls).toBeLessThanOrEqual(1_000 + 1_000);
  });
});

import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { array, assert, asyncProperty, integer } from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Tank, TankOptions } from '#core/ports/meter';
import { RewritingMeter } from '#metering';
import { createRuntime, type LoadOptions, type RuntimeOptions } from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { actor, plain } from '../../tools/components/actor-wat.ts';
import { helloHandler } from '../../tools/components/hello-handler.ts';

/** Counts the stores whose instances were made for them, and those that got renewed ones. */
class CountingMeter extends RewritingMeter {
  made = 0;
  renewed = 0;
  bytes = 0;

  override createTank(options: TankOptions): Tank {
    if (options.instances === undefined) this.made += 1;
    else this.renewed += 1;
    return super.createTank(options);
  }
}

async function scene(component: Uint8Array, load: LoadOptions = {}, options: RuntimeOptions = {}) {
  const meter = new CountingMeter();
  const { overrides, ...rest } = options;
  const runtime = await createRuntime({ ...rest, overrides: { ...overrides, meter } });
  onTestFinished(() => runtime.close());
  const handle = await runtime.load(component, { store: 'per-call', ...load });
  return { meter, runtime, handle };
}

/** Answers what it finds in memory, and in a global of each kind, and leaves `n` there. */
const MARKING = `(memory 2) (data (i32.const 100) "\\01")
  (global $i (mut i32) (i32.const 1)) (global $l (mut i64) (i64.const 1)) (global $v (mut v128) (v128.const i64x2 1 1))`;
const LEAVE = `
  (i32.add (i32.add (i32.load (i32.const 100)) (i32.load (i32.const 131068)))
    (i32.add (i32.add (global.get $i) (i32.wrap_i64 (global.get $l))) (i32x4.extract_lane 2 (global.get $v))))
  (global.set $i (local.get 0)) (global.set $l (i64.extend_i32_u (local.get 0)))
  (global.set $v (i32x4.splat (local.get 0)))
  (memory.fill (i32.const 0) (local.get 0) (i32.const 131072))`;

describe('a store for each call', () => {
  it('finds nothing of earlier calls in instances that they have used', async () => {
    const { runtime, handle, meter } = await scene(await plain(MARKING, LEAVE));
    for (const n of [7, 255, 9]) expect(await runtime.call(handle, 'run', n)).toBe(4);
    expect(meter).toMatchObject({ made: 2, renewed: 2 });
  });

  it('finds nothing of them, whatever they write and wherever', async () => {
    const fields = '(memory (export "memory") 3) (data (i32.const 65530) "abcdefghijkl")';
    // Writes at `n`, and answers whether all of memory is what it was at the start.
    const run = `(local $at i32) (local $sum i32)
      (loop $next
        (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (i32.load (local.get $at))))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 196608))))
      (memory.fill (i32.and (local.get 0) (i32.const 0x1ffff)) (i32.shr_u (local.get 0) (i32.const 24)) (i32.and (local.get 0) (i32.const 0xffff)))
      (local.get $sum)`;
    const { runtime, handle, meter } = await scene(await plain(fields, run));
    const first = await runtime.call(handle, 'run', 0);
    await assert(
      asyncProperty(array(integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 5 }), async (writes) => {
        for (const n of writes) expect(await runtime.call(handle, 'run', n)).toBe(first);
      }),
      { numRuns: 40 },
    );
    expect(meter.made).toBe(2);
  });

  it('costs the same fuel as one whose instances are its own', async () => {
    const { runtime, handle } = await scene(await plain(MARKING, LEAVE), { limits: { maxFuel: 1_000_000n } });
    const seen = new Set<string>();
    let total = runtime.usage(handle).fuelConsumed;
    for (let n = 0; n < 4; n++) {
      await runtime.call(handle, 'run', n);
      const { fuelConsumed, last, memoryBytes } = runtime.usage(handle);
      seen.add(`${fuelConsumed - total} ${last.fuelConsumed} ${memoryBytes}`);
      total = fuelConsumed;
    }
    expect(seen.size).toBe(1);
  });

  it('has instances of its own after one whose guest has trapped', async () => {
    const component = await plain(MARKING, `(if (i32.eqz (local.get 0)) (then unreachable)) ${LEAVE}`);
    const { runtime, handle, meter } = await scene(component);
    expect(await runtime.call(handle, 'run', 5)).toBe(4);
    await expect(runtime.call(handle, 'run', 0)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect(meter).toMatchObject({ made: 2, renewed: 1 });
    expect(await runtime.call(handle, 'run', 5)).toBe(4);
    expect(meter).toMatchObject({ made: 3, renewed: 1 });
  });

  it('has instances of its own after one whose memory has grown', async () => {
    const { runtime, handle, meter } = await scene(await plain('(memory 1)', '(memory.grow (local.get 0))'));
    for (const n of [1, 0, 0]) expect(await runtime.call(handle, 'run', n)).toBe(1);
    expect(meter).toMatchObject({ made: 3, renewed: 1 });
  });

  it('makes its instances where their start calls the host, since another start may be told something else', async () => {
    const component = await parse(`(component
      (import "now" (func $now (result u32)))
      (core func $now' (canon lower (func $now)))
      (core module $m (import "" "now" (func $now (result i32))) (global $at (mut i32) (i32.const 0))
        (func $s (global.set $at (call $now))) (start $s) (func (export "run") (result i32) (global.get $at)))
      (core instance $i (instantiate $m (with "" (instance (export "now" (func $now'))))))
      (func (export "run") (result u32) (canon lift (core func $i "run"))))`);
    let now = 0;
    const { runtime, handle, meter } = await scene(component, { imports: { now: () => ++now } });
    for (const n of [2, 3, 4]) expect(await runtime.call(handle, 'run')).toBe(n);
    expect(meter).toMatchObject({ made: 4, renewed: 0 });
  });

  it('is given one whose start ran, though its calls call the host', async () => {
    const component = await parse(`(component
      (import "now" (func $now (result u32)))
      (core func $now' (canon lower (func $now)))
      (core module $m (import "" "now" (func $now (result i32))) (global $at (mut i32) (i32.const 0))
        (func $s (global.set $at (i32.const 10))) (start $s)
        (func (export "run") (result i32) (global.set $at (i32.add (global.get $at) (call $now))) (global.get $at)))
      (core instance $i (instantiate $m (with "" (instance (export "now" (func $now'))))))
      (func (export "run") (result u32) (canon lift (core func $i "run"))))`);
    let now = 0;
    const { runtime, handle, meter } = await scene(component, { imports: { now: () => ++now } });
    for (const n of [11, 12, 13]) expect(await runtime.call(handle, 'run')).toBe(n);
    expect(meter).toMatchObject({ made: 2, renewed: 2 });
  });

  it('has handles that begin anew', async () => {
    const component = await parse(`(component
      (core module $m (import "" "new" (func $new (param i32) (result i32)))
        (func (export "run") (result i32) (call $new (i32.const 77))))
      (type $r (resource (rep i32)))
      (core func $new (canon resource.new $r))
      (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
      (func (export "run") (result u32) (canon lift (core func $i "run"))))`);
    const { runtime, handle, meter } = await scene(component);
    for (let n = 0; n < 3; n++) expect(await runtime.call(handle, 'run')).toBe(1);
    expect(meter).toMatchObject({ made: 2, renewed: 2 });
  });

  it('has instances of its own while another one waits', async () => {
    const component = await parse(`(component
      (import "wait" (func $wait (result u32)))
      (core func $wait' (canon lower (func $wait)))
      (core module $m (import "" "wait" (func $wait (result i32))) (global $n (mut i32) (i32.const 0))
        (func (export "run") (result i32)
          (global.set $n (i32.add (global.get $n) (i32.const 1))) (drop (call $wait)) (global.get $n)))
      (core instance $i (instantiate $m (with "" (instance (export "wait" (func $wait'))))))
      (func (export "run") (result u32) (canon lift (core func $i "run"))))`);
    const waiting: (() => void)[] = [];
    const wait = (): Promise<number> => new Promise((resolve) => waiting.push(() => resolve(0)));
    const { runtime, handle, meter } = await scene(component, { imports: { wait } });
    for (let round = 0; round < 3; round++) {
      const calls = [runtime.call(handle, 'run'), runtime.call(handle, 'run')];
      while (waiting.length === 0) await new Promise(setImmediate);
      while (waiting.length > 0) {
        waiting.shift()?.();
        await new Promise(setImmediate);
      }
      expect(await Promise.all(calls)).toEqual([1, 1]);
    }
    expect(meter.renewed).toBeGreaterThan(0);
    expect(meter.made + meter.renewed).toBe(7);
  });

  it('answers requests, one after the other and side by side', async () => {
    const { runtime, handle, meter } = await scene(await helloHandler());
    const ask = async (): Promise<string> => (await runtime.fetch(handle, new Request('http://a/'))).text();
    for (let n = 0; n < 3; n++) expect(await ask()).toBe('hello');
    expect(await Promise.all(Array.from({ length: 40 }, ask))).toEqual(Array(40).fill('hello'));
    expect(meter.made).toBeLessThan(40);
  });

  it('initializes its actor anew', async () => {
    const { runtime, handle, meter } = await scene(
      await actor({
        fields: '(global $started (mut i32) (i32.const 0))',
        initialize: `(global.set $started (i32.add (global.get $started) (i32.const 1)))
          (i32.store8 (i32.const 64) (i32.const 0)) (i32.const 64)`,
        handleMessage: `(i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
          (i32.store (i32.const 24) (i32.const 300)) (i32.store (i32.const 28) (i32.const 1))
          (i32.store8 (i32.const 300) (global.get $started)) (i32.const 16)`,
      }),
    );
    for (let n = 0; n < 3; n++) expect(await runtime.request(handle, new Uint8Array())).toEqual(Uint8Array.of(1));
    expect(meter.renewed).toBeGreaterThan(0);
  });
});

describe('instances that wait for a call', () => {
  const memory = 65_536;

  it('give their memory to whoever needs it', async () => {
    const { runtime, handle, meter } = await scene(
      await plain('(memory 1)', '(local.get 0)'),
      {},
      { maxTotalMemoryBytes: memory },
    );
    const other = await plain('(memory 1) (global (mut i32) (i32.const 0))', '(i32.const 9)');
    expect(await runtime.call(handle, 'run', 1)).toBe(1);
    const second = await runtime.load(other, { store: 'per-call' });
    expect(await runtime.call(second, 'run', 1)).toBe(9);
    expect(await runtime.call(handle, 'run', 2)).toBe(2);
    expect(meter).toMatchObject({ renewed: 0 });
  });

  it('give their place among the memories to whoever needs it', async () => {
    const { runtime, handle } = await scene(await plain('(memory 1)', '(local.get 0)'), {}, { maxTotalMemories: 1 });
    expect(await runtime.call(handle, 'run', 1)).toBe(1);
    const second = await runtime.load(await plain('(memory 1)', '(i32.const 9)'));
    await expect(runtime.call(handle, 'run', 1)).rejects.toMatchObject({ code: 'METERING_MEMORY' });
    await runtime.unload(second);
    expect(await runtime.call(handle, 'run', 2)).toBe(2);
  });

  it('pay for the image of what they held, until their component ends', async () => {
    const page = '(memory 1) (data (i32.const 0) "x")';
    const { runtime, handle, meter } = await scene(
      await plain(page, '(local.get 0)'),
      {},
      { maxTotalMemoryBytes: memory },
    );
    for (const n of [1, 2]) expect(await runtime.call(handle, 'run', n).catch(({ code }) => code)).toBe(n);
    // The image found no room beside the memory of which it was taken, so that instances are made anew.
    expect(meter).toMatchObject({ made: 3, renewed: 0 });
    await runtime.unload(handle);
    await using other = await createRuntime({ maxTotalMemoryBytes: memory + 4_096 });
    for (let n = 0; n < 3; n++) {
      const loaded = await other.load(await plain(page, '(local.get 0)'), { store: 'per-call' });
      expect(await other.call(loaded, 'run', n)).toBe(n);
      await other.unload(loaded);
    }
  });

  it('end with their component', async () => {
    const { runtime, handle } = await scene(await plain('(memory 1)', '(local.get 0)'), {}, { maxTotalMemories: 1 });
    expect(await runtime.call(handle, 'run', 1)).toBe(1);
    await runtime.replace(handle, await plain('(memory 1)', '(i32.const 5)'), { store: 'per-call' });
    expect(await runtime.call(handle, 'run', 1)).toBe(5);
    await runtime.unload(handle);
  });

  it('end when nobody calls for ten seconds', async () => {
    const clock = new TestClock();
    const { runtime, handle, meter } = await scene(
      await plain('(memory 1)', '(local.get 0)'),
      {},
      { overrides: { clock } },
    );
    for (const n of [1, 2]) expect(await runtime.call(handle, 'run', n)).toBe(n);
    expect(meter).toMatchObject({ made: 2, renewed: 1 });
    await clock.advance(9_000);
    expect(await runtime.call(handle, 'run', 1)).toBe(1);
    expect(meter).toMatchObject({ made: 2, renewed: 2 });
    await clock.advance(9_000);
    expect(await runtime.call(handle, 'run', 1)).toBe(1);
    await clock.advance(20_000);
    expect(await runtime.call(handle, 'run', 1)).toBe(1);
    expect(meter).toMatchObject({ made: 3, renewed: 3 });
  });
});

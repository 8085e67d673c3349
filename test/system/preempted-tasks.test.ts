// Guest code of components with asynchronous parts that computes for long: it gives the thread away after each slice.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterEach, describe, expect, it } from 'vitest';
import { createRuntime, type LoadOptions, type Runtime } from '../../src/index.ts';
import { interleavingGuest } from '../../tools/components/interleaving-guest.ts';

const MAY_NEST_CALLS = Number.parseInt(process.versions.v8, 10) >= 14;

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

/** With slices this short, guest code gives the thread away whenever it needs more fuel: about every 100,000 units. */
async function started(): Promise<Runtime> {
  const runtime = await createRuntime({ sliceMs: 0.001 });
  open.push(runtime);
  return runtime;
}

/** Rounds of the event loop until a promise is settled. */
async function roundsUntil(work: Promise<unknown>): Promise<number> {
  let rounds = 0;
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  work.then(end, end);
  while (!isOver) {
    rounds += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return rounds;
}

const LIMITS = { maxExecutionTimeMs: 60_000 };

describe.each([false, true])('a task that computes (with built-ins that may wait: %s)', (cancels) => {
  const load = async (runtime: Runtime, options: LoadOptions = {}) =>
    runtime.load(await parse(interleavingGuest(cancels)), {
      imports: { wait: async (n: number) => n },
      limits: LIMITS,
      ...options,
    });

  it('lets the event loop go on in between', async () => {
    const runtime = await started();
    const handle = await load(runtime);
    const work = runtime.call(handle, 'work', 1_000_000);
    expect(await roundsUntil(work)).toBeGreaterThan(10);
    expect(await work).toBe(1_000_000);
  });

  it('does not where it is cooperative, and costs the same', async () => {
    const runtime = await started();
    const [preemptive, cooperative] = [
      await load(runtime),
      await load(runtime, { id: 'demo/coop/1', scheduling: 'cooperative' }),
    ];
    await runtime.call(preemptive, 'work', 300_000);
    const work = runtime.call(cooperative, 'work', 300_000);
    expect(await roundsUntil(work)).toBeLessThan(5);
    const [one, other] = [preemptive, cooperative].map((handle) => runtime.usage(handle).last.fuelConsumed);
    expect(one).toBe(other);
  });

  it('lets a neighbour answer before it ends', async () => {
    const runtime = await started();
    const [busy, neighbour] = [await load(runtime), await load(runtime, { id: 'demo/neighbour/1' })];
    const ended: string[] = [];
    const work = runtime.call(busy, 'work', 2_000_000).then(() => ended.push('busy'));
    await new Promise((resolve) => setImmediate(resolve));
    await runtime.call(neighbour, 'work', 10).then(() => ended.push('neighbour'));
    await work;
    expect(ended).toEqual(['neighbour', 'busy']);
  });

  it('is ended by a signal while it computes, and by its fuel', async () => {
    const runtime = await started();
    const handle = await load(runtime, { cancel: 'turn' });
    const giving = new AbortController();
    const spin = runtime.call(handle, { name: 'spin', signal: giving.signal }, 1).catch((error: unknown) => error);
    for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve));
    giving.abort();
    expect(await spin).toMatchObject({ code: 'RUNTIME_ABORTED' });
    const bounded = await load(runtime, { id: 'demo/bounded/1', limits: { ...LIMITS, maxFuel: 2_000_000n } });
    await expect(runtime.call(bounded, 'spin', 1)).rejects.toMatchObject({ code: 'METERING_OUT_OF_FUEL' });
  });

  it('lets other calls of its instance join meanwhile', async () => {
    const runtime = await started();
    const handle = await load(runtime, { concurrency: 4 });
    const calls = [1_000_000, 10, 500_000, 20].map((n) => runtime.call(handle, 'work', n));
    expect(await Promise.all(calls)).toEqual([1_000_000, 10, 500_000, 20]);
    expect(runtime.state(handle)).toBe('ready');
  });
});

/** An instance that calls another one, which computes: lowered and lifted in each way. */
const composed = (isAsyncLower: boolean, isAsyncLift: boolean): string => `(component
  (component $Inner
    (core func $return (canon task.return (result u32)))
    (core module $M (import "" "return" (func $return (param i32)))
      (func $count (param i32) (result i32) (local $left i32)
        (local.set $left (local.get 0))
        (loop $more (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (local.get 0))
      (func (export "sync") (param i32) (result i32) (call $count (local.get 0)))
      (func (export "async") (param i32) (result i32) (call $return (call $count (local.get 0))) (i32.const 0))
      (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
    (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
    (func (export "count") async (param "n" u32) (result u32)
      (canon lift ${isAsyncLift ? '(core func $m "async") async (callback (core func $m "cb"))' : '(core func $m "sync")'})))
  (component $Outer
    (import "count" (func $count async (param "n" u32) (result u32)))
    (core module $Memory (memory (export "memory") 1)) (core instance $memory (instantiate $Memory))
    (alias core export $memory "memory" (core memory $mem))
    (core func $count' (canon lower (func $count) ${isAsyncLower ? 'async (memory $mem)' : ''}))
    (core func $return (canon task.return (result u32)))
    (core module $M (import "" "memory" (memory 1)) (import "" "return" (func $return (param i32)))
      (import "" "count" (func $count (param i32${isAsyncLower ? ' i32' : ''}) (result i32)))
      (func (export "f") (param i32) (result i32)
        ${
          isAsyncLower
            ? `(if (i32.ne (call $count (local.get 0) (i32.const 16)) (i32.const 2)) (then unreachable))
               (call $return (i32.load (i32.const 16)))`
            : '(call $return (call $count (local.get 0)))'
        }
        (i32.const 0))
      (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
    (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem)) (export "count" (func $count'))
      (export "return" (func $return))))))
    (func (export "f") async (param "n" u32) (result u32) (canon lift (core func $m "f") async (callback (core func $m "cb")))))
  (instance $i (instantiate $Inner))
  (instance $o (instantiate $Outer (with "count" (func $i "count"))))
  (func (export "f") (alias export $o "f")))`;

describe('an instance that computes within a call of another one', () => {
  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('gives the thread away with its caller (lowered async: %s, lifted async: %s)', async (lower, lift) => {
    const runtime = await started();
    const handle = await runtime.load(await parse(composed(lower, lift)), { limits: LIMITS });
    for (const n of [1_000_000, 5, 600_000]) {
      const work = runtime.call(handle, 'f', n);
      const rounds = await roundsUntil(work);
      expect(await work).toBe(n);
      // On Node 24 the inner one holds the thread.
      if (n > 5) expect(rounds > 5).toBe(MAY_NEST_CALLS);
    }
  });
});

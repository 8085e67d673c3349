// Several calls of one instance side by side: `concurrency` of `load`.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type ComponentHandle,
  createRuntime,
  type HostCaller,
  hostFunction,
  type LoadOptions,
  type Runtime,
} from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { interleavingGuest } from '../../tools/components/interleaving-guest.ts';
import { settled, watch } from '../support/settled.ts';

const guests = new Map<boolean, Uint8Array>();
beforeAll(async () => {
  for (const cancels of [false, true]) guests.set(cancels, await parse(interleavingGuest(cancels)));
});

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

/** Answers each `wait(n)` when the test says so. */
class Waits {
  readonly #pending: { readonly n: number; readonly resolve: (value: number) => void }[] = [];
  readonly import = (n: number): Promise<number> => {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#pending.push({ n, resolve });
    return promise;
  };

  get begun(): number[] {
    return this.#pending.map(({ n }) => n);
  }

  answer(n: number, value: number = n): void {
    const at = this.#pending.findIndex((each) => each.n === n);
    this.#pending.splice(at, 1)[0]?.resolve(value);
  }
}

async function loaded(
  options: LoadOptions & { readonly cancels?: boolean; readonly sliceMs?: number } = {},
): Promise<{ runtime: Runtime; handle: ComponentHandle; waits: Waits; clock: TestClock }> {
  const clock = new TestClock();
  const { cancels = false, sliceMs, ...rest } = options;
  const runtime = watch(await createRuntime(sliceMs === undefined ? { overrides: { clock } } : { sliceMs }));
  open.push(runtime);
  const waits = new Waits();
  const loading = runtime.load(guests.get(cancels) as Uint8Array, {
    id: 'demo/beside/1',
    imports: { wait: waits.import },
    ...rest,
  });
  // Time goes on while the component is built, as the process that builds it is bounded by time.
  const passing = setInterval(() => clock.advance(5), 5);
  const handle = await loading.finally(() => clearInterval(passing));
  return { runtime, handle, waits, clock };
}

describe.each([false, true])('calls of one instance (guest code on stacks: %s)', (cancels) => {
  it('may be ten thousand that wait, each for a subtask in a set of its own', async () => {
    const most = 10_000;
    const { runtime, handle, waits } = await loaded({ cancels, concurrency: most });
    const calls = Array.from({ length: most }, (_, n) => runtime.call(handle, 'work', n));
    let failure: unknown;
    for (const call of calls) call.catch((error) => (failure = error));
    while (waits.begun.length < most && failure === undefined) await settled();
    expect(failure).toBeUndefined();
    for (const n of waits.begun) waits.answer(n, n % 7);
    const answers = await Promise.all(calls);
    expect(answers).toEqual(Array.from({ length: most }, (_, n) => n % 7));
  });

  it('run one after the other by default', async () => {
    const { runtime, handle, waits } = await loaded({ cancels });
    const calls = [1, 2].map((n) => runtime.call(handle, 'work', n));
    await settled();
    expect(waits.begun).toEqual([1]);
    waits.answer(1);
    await settled();
    expect(waits.begun).toEqual([2]);
    waits.answer(2);
    expect(await Promise.all(calls)).toEqual([1, 2]);
    expect(runtime.components()).toMatchObject([{ concurrency: 1 }]);
  });

  it('run side by side, as many as `concurrency` says, and answer in any order', async () => {
    const { runtime, handle, waits } = await loaded({ cancels, concurrency: 3 });
    const ended: number[] = [];
    const calls = [1, 2, 3, 4, 5].map(async (n) => ended.push((await runtime.call(handle, 'work', n)) as number));
    await settled();
    expect(waits.begun).toEqual([1, 2, 3]);
    expect(runtime.state(handle)).toBe('waiting');
    waits.answer(2);
    await settled();
    expect(waits.begun).toEqual([1, 3, 4]);
    for (const n of [4, 3, 1]) {
      waits.answer(n);
      await settled();
    }
    waits.answer(5);
    await Promise.all(calls);
    expect(ended).toEqual([2, 4, 3, 1, 5]);
    expect(runtime.components()).toMatchObject([{ concurrency: 3, state: 'ready' }]);
  });

  it('that are not asynchronous run while others wait', async () => {
    const { runtime, handle, waits } = await loaded({ cancels, concurrency: 2 });
    const call = runtime.call(handle, 'work', 1);
    await settled();
    expect(await runtime.call(handle, 'count')).toBe(1);
    waits.answer(1);
    expect(await call).toBe(1);
  });

  it('cost what they cost one by one', async () => {
    const alone = await loaded({ cancels });
    const fuel = new Map<number, bigint>();
    for (const n of [10, 20_000, 400_000]) {
      const call = alone.runtime.call(alone.handle, 'work', n);
      await settled();
      alone.waits.answer(n);
      await call;
      fuel.set(n, alone.runtime.usage(alone.handle).last.fuelConsumed);
    }
    const { runtime, handle, waits } = await loaded({ cancels, concurrency: 3 });
    const before = runtime.usage(handle).fuelConsumed;
    const calls = [...fuel.keys()].map((n) => runtime.call(handle, 'work', n));
    await settled();
    for (const n of [20_000, 10, 400_000]) {
      waits.answer(n);
      await settled();
      expect(runtime.usage(handle).last.fuelConsumed).toBe(fuel.get(n));
    }
    await Promise.all(calls);
    const all = [...fuel.values()].reduce((sum, each) => sum + each);
    expect(runtime.usage(handle).fuelConsumed - before).toBe(all);
  });

  it.each([
    ['fall', 'RUNTIME_TRAP', {}],
    ['spin', 'METERING_OUT_OF_FUEL', { maxFuel: 100_000n }],
  ] as const)('end with the instance where one of them ends it: %s', async (name, code, limits) => {
    const { runtime, handle, waits } = await loaded({ cancels, concurrency: 3, limits });
    const others = [1, 2].map((n) => runtime.call(handle, 'work', n));
    const failing = runtime.call(handle, name, 3);
    const told = Promise.allSettled([...others, failing]);
    await settled();
    waits.answer(3);
    const reasons = (await told).map((each) => (each as PromiseRejectedResult).reason);
    expect(reasons[2]).toMatchObject({ code });
    for (const reason of reasons.slice(0, 2)) {
      expect(reason).toMatchObject({ code: 'RUNTIME_INSTANCE_ENDED', cause: { code } });
    }
    expect(runtime.state(handle)).toBe('failed');
    // What the host answers to an instance that has ended changes nothing.
    waits.answer(1);
    await settled();
  });

  it('are charged to their own budgets, whoever runs longest', async () => {
    const { runtime, handle, waits } = await loaded({ cancels, concurrency: 4, limits: { maxFuel: 20_000n } });
    const calls = [1, 2, 3, 4].map((n) => runtime.call(handle, 'work', n));
    await settled();
    // Four calls of about 8,000 each would be too much for one budget.
    for (const n of [1, 2, 3, 4]) waits.answer(n, 1_000);
    expect(await Promise.all(calls)).toEqual([1_000, 1_000, 1_000, 1_000]);
    expect(runtime.usage(handle).fuelConsumed).toBeGreaterThan(20_000n);
  });

  it.each(['signal', 'timeoutMs'] as const)(
    'end one by one by their %s, by the cancellation of a task',
    async (how) => {
      const { runtime, handle, waits, clock } = await loaded({ cancels, concurrency: 3, cancel: 'turn' });
      const other = runtime.call(handle, 'work', 1);
      const giving = new AbortController();
      const bounds = how === 'signal' ? { signal: giving.signal } : { timeoutMs: 50 };
      const given = runtime.call(handle, { name: 'work', ...bounds }, 2).catch((error: unknown) => error);
      await settled();
      if (how === 'signal') giving.abort();
      else clock.advance(51);
      expect(await given).toMatchObject({ code: how === 'signal' ? 'RUNTIME_ABORTED' : 'RUNTIME_TURN_TIMEOUT' });
      expect(runtime.state(handle)).toBe('waiting');
      waits.answer(1);
      expect(await other).toBe(1);
      expect(runtime.state(handle)).toBe('ready');
    },
  );

  it('end one by one when their time is over, waiting included', async () => {
    const limits = { maxTurnTimeMs: 1_000 };
    const { runtime, handle, waits, clock } = await loaded({ cancels, concurrency: 3, limits });
    const first = runtime.call(handle, 'work', 1).catch((error: unknown) => error);
    await settled();
    clock.advance(600);
    const second = runtime.call(handle, 'work', 2);
    await settled();
    clock.advance(401);
    expect(await first).toMatchObject({ code: 'RUNTIME_TURN_TIMEOUT', details: { limitMs: 1_000 } });
    waits.answer(2);
    expect(await second).toBe(2);
  });

  it('end the instance where one does not end although it was told to', async () => {
    const limits = { maxTurnTimeMs: 1_000, maxExecutionTimeMs: 200 };
    const { runtime, handle, clock } = await loaded({ cancels, concurrency: 3, limits });
    const stays = runtime.call(handle, 'stay', 1).catch((error: unknown) => error);
    await settled();
    clock.advance(900);
    const other = runtime.call(handle, 'work', 2).catch((error: unknown) => error);
    await settled();
    clock.advance(101);
    await settled();
    expect(runtime.state(handle)).toBe('waiting');
    clock.advance(201);
    expect(await stays).toMatchObject({ code: 'RUNTIME_TURN_TIMEOUT' });
    expect(await other).toMatchObject({ code: 'RUNTIME_INSTANCE_ENDED', cause: { code: 'RUNTIME_TURN_TIMEOUT' } });
    expect(runtime.state(handle)).toBe('failed');
  });

  it('wait while the guest asks that none begins', async () => {
    const { runtime, handle, waits } = await loaded({ cancels, concurrency: 4 });
    const holding = runtime.call(handle, 'hold', 1);
    const calls = [2, 3].map((n) => runtime.call(handle, 'work', n));
    await settled();
    expect(waits.begun).toEqual([1]);
    waits.answer(1);
    expect(await holding).toBe(1);
    await settled();
    expect(waits.begun).toEqual([2, 3]);
    for (const n of [2, 3]) waits.answer(n);
    expect(await Promise.all(calls)).toEqual([2, 3]);
  });

  it('that wait to begin end without beginning where they are given up', async () => {
    const { runtime, handle, waits } = await loaded({ cancels, concurrency: 4, cancel: 'turn' });
    const holding = runtime.call(handle, 'hold', 1);
    const giving = new AbortController();
    const given = runtime.call(handle, { name: 'work', signal: giving.signal }, 2).catch((error: unknown) => error);
    await settled();
    giving.abort();
    expect(await given).toMatchObject({ code: 'RUNTIME_ABORTED' });
    waits.answer(1);
    expect(await holding).toBe(1);
    expect(await runtime.call(handle, 'count')).toBe(0);
  });

  it('end when the component is unloaded, and are waited for when it drains or is replaced', async () => {
    const { runtime, handle, waits } = await loaded({ cancels, concurrency: 3 });
    const begin = (): Promise<unknown>[] =>
      [1, 2].map((n) => runtime.call(handle, 'work', n).catch((error: unknown) => error));
    let calls = begin();
    await settled();
    const replaced = runtime.replace(handle, guests.get(cancels) as Uint8Array, { concurrency: 2 });
    await settled();
    for (const n of [1, 2]) waits.answer(n);
    expect(await Promise.all(calls)).toEqual([1, 2]);
    await replaced;
    expect(runtime.components()).toMatchObject([{ concurrency: 2 }]);
    calls = begin();
    await settled();
    await runtime.unload(handle);
    for (const ended of await Promise.all(calls)) expect(ended).toMatchObject({ code: 'RUNTIME_ABORTED' });
  });

  it('answer the same and cost the same as one by one, in whatever order they are answered', async () => {
    const step = fc.record({ n: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.constant(80_000)), key: fc.nat() });
    const alone = await loaded({ cancels, concurrency: 1 });
    // Slices this short let guest code give the thread away whenever it needs more fuel.
    const together = await loaded({ cancels, concurrency: 8, sliceMs: 0.001 });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const spent = async (
          { runtime, handle }: typeof alone,
          work: () => Promise<unknown[]>,
        ): Promise<readonly [unknown[], bigint]> => {
          const before = runtime.usage(handle).fuelConsumed;
          const answers = await work();
          return [answers, runtime.usage(handle).fuelConsumed - before];
        };
        const one = await spent(alone, async () => {
          const answers: unknown[] = [];
          for (const [index, { n }] of steps.entries()) {
            const call = alone.runtime.call(alone.handle, 'work', index);
            await settled();
            alone.waits.answer(index, n);
            answers.push(await call);
          }
          return answers;
        });
        const many = await spent(together, async () => {
          const calls = steps.map((_, index) => together.runtime.call(together.handle, 'work', index));
          await settled();
          for (const [index, { n }] of [...steps.entries()].toSorted(([, a], [, b]) => a.key - b.key)) {
            together.waits.answer(index, n);
            if (n % 2 === 0) await settled();
          }
          return Promise.all(calls);
        });
        expect(many).toEqual(one);
      }),
      { numRuns: 40 },
    );
  });
});

describe('`concurrency`', () => {
  it.each([0, 10_001, 1.5, '2', Number.NaN])('is a whole number from 1 to 10,000, not %s', async (concurrency) => {
    await expect(loaded({ concurrency: concurrency as number })).rejects.toMatchObject({ code: 'CORE_INVALID_OPTION' });
  });

  it('is refused where each call has its own instance', async () => {
    await expect(loaded({ concurrency: 2, store: 'per-call' })).rejects.toMatchObject({ code: 'CORE_INVALID_OPTION' });
  });

  it('restarts a supervised component once, however many calls have ended with it', async () => {
    const { runtime, handle, waits, clock } = await loaded({
      concurrency: 3,
      supervision: { restart: 'permanent', maxRestarts: 1, withinMs: 60_000, backoffMs: 0 },
    });
    let restarts = 0;
    runtime.on('restart', () => {
      restarts += 1;
    });
    const told = Promise.allSettled(['work', 'work', 'fall'].map((name, n) => runtime.call(handle, name, n)));
    await settled();
    waits.answer(2);
    await told;
    clock.advance(1);
    await settled();
    expect(restarts).toBe(1);
    expect(runtime.state(handle)).toBe('ready');
    const call = runtime.call(handle, 'work', 7);
    await settled();
    waits.answer(7);
    expect(await call).toBe(7);
  });
});

describe('a host function whose guest cancels the call', () => {
  it('is told so by its signal, and what it answers then changes nothing', async () => {
    const clock = new TestClock();
    const runtime = watch(await createRuntime({ overrides: { clock } }));
    open.push(runtime);
    const callers: HostCaller[] = [];
    const wait = hostFunction((caller, n: number) => {
      callers.push(caller);
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      if (n < 10) caller.signal.addEventListener('abort', () => reject(caller.signal.reason), { once: true });
      if (n === 20) settle = resolve;
      return promise;
    });
    let settle: (n: number) => void = () => {};
    const handle = await runtime.load(guests.get(true) as Uint8Array, {
      imports: { wait },
      concurrency: 3,
      cancel: 'turn',
    });
    const givings = [1, 11].map((n) => {
      const giving = new AbortController();
      const call = runtime.call(handle, { name: 'work', signal: giving.signal }, n).catch((error: unknown) => error);
      return { giving, call };
    });
    const other = runtime.call(handle, 'work', 20);
    await settled();
    for (const { giving } of givings) giving.abort();
    for (const { call } of givings) expect(await call).toMatchObject({ code: 'RUNTIME_ABORTED' });
    await settled();
    expect(callers.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
    settle(20);
    expect(await other).toBe(20);
  });

  it('is told of the cancellation alone, while its turn goes on', async () => {
    // One call cancels its import itself and answers; its turn is not given up.
    const runtime = watch(await createRuntime());
    open.push(runtime);
    let signal: AbortSignal | undefined;
    const wait = hostFunction((caller, _: number) => {
      ({ signal } = caller);
      return new Promise<number>((_resolve, reject) => {
        caller.signal.addEventListener('abort', () => reject(new Error('late')), { once: true });
      });
    });
    const text = `(component
      (import "wait" (func $wait-host async (param "n" u32) (result u32)))
      (core module $Memory (memory (export "memory") 1)) (core instance $memory (instantiate $Memory))
      (alias core export $memory "memory" (core memory $mem))
      (core func $wait (canon lower (func $wait-host) async (memory $mem)))
      (core func $cancel (canon subtask.cancel)) (core func $drop (canon subtask.drop))
      (core func $return (canon task.return (result u32)))
      (core module $M (import "" "wait" (func $wait (param i32 i32) (result i32))) (import "" "cancel" (func $cancel (param i32) (result i32)))
        (import "" "drop" (func $drop (param i32))) (import "" "return" (func $return (param i32)))
        (func (export "f") (param $n i32) (result i32) (local $task i32)
          (local.set $task (i32.shr_u (call $wait (local.get $n) (i32.const 64)) (i32.const 4)))
          (call $return (call $cancel (local.get $task))) (call $drop (local.get $task)) (i32.const 0))
        (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
      (core instance $m (instantiate $M (with "" (instance (export "wait" (func $wait)) (export "cancel" (func $cancel))
        (export "drop" (func $drop)) (export "return" (func $return))))))
      (func (export "f") async (param "n" u32) (result u32) (canon lift (core func $m "f") async (callback (core func $m "cb")))))`;
    const handle = await runtime.load(await parse(text), { imports: { wait } });
    expect(await runtime.call(handle, 'f', 1)).toBe(4);
    expect(signal?.reason).toMatchObject({ code: 'RUNTIME_ABORTED' });
    expect(await runtime.call(handle, 'f', 1)).toBe(4);
  });
});

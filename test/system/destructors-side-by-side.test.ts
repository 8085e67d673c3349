// Destructors of resources run for the call that drops them, in an instance whose calls run side by side.
import { AsyncLocalStorage } from 'node:async_hooks';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentResource, createRuntime, type Runtime, type RuntimeOptions } from '../../src/index.ts';
import { DESTROYING_GUEST, DESTRUCTOR, REST } from '../support/destroying-guest.ts';
import { settled, watch } from '../support/settled.ts';

const storage = new AsyncLocalStorage<string>();
const open: Runtime[] = [];
let component: Uint8Array;
beforeAll(async () => {
  component = await parse(DESTROYING_GUEST);
});
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

interface Scene {
  readonly concurrency?: number;
  readonly maxFuel?: bigint;
  readonly options?: RuntimeOptions;
}

async function scene({ concurrency = 4, maxFuel, options = {} }: Scene = {}) {
  const runtime = watch(await createRuntime(options));
  open.push(runtime);
  /** The contexts in which the destructors of things have called their import, by what the representations hold. */
  const contexts: Record<number, string | undefined> = {};
  const waits = new Map<number, () => void>();
  const handle = await runtime.load(component, {
    concurrency,
    cancel: 'turn',
    // Fuel ends what spins, on a slow machine too.
    limits: maxFuel === undefined ? {} : { maxFuel, maxExecutionTimeMs: 600_000 },
    imports: {
      note: (representation: number) => {
        contexts[Math.floor(representation / REST)] = storage.getStore();
      },
      wait: (n: number) => new Promise((resolve) => waits.set(n, () => resolve(n))),
    },
  });
  /** Makes a call in a context of its own. */
  const call = (context: string, name: string, ...args: unknown[]): Promise<unknown> =>
    storage.run(context, async () => runtime.call(handle, name, ...args));
  const answers = (...numbers: number[]): void => {
    for (const n of numbers) waits.get(n)?.();
  };
  const make = (n: number, does = 0): Promise<ComponentResource> =>
    runtime.call(handle, 'make', n * REST + does) as Promise<ComponentResource>;
  const answerAll = async (): Promise<void> => {
    for (let round = 0; round < 4; round++) {
      answers(...waits.keys());
      await settled();
    }
  };
  return { runtime, handle, contexts, call, answers, answerAll, make };
}

describe('a destructor', () => {
  it('calls the host in the context of the call that drops its resource', async () => {
    const { call, answers, contexts } = await scene();
    const calls = [1, 2, 3].map((n) => call(`call ${n}`, 'work', n, n * REST));
    await settled();
    // All go on in the same step, which belongs to none of them.
    answers(3, 1, 2);
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
    expect(contexts).toEqual({ 1: 'call 1', 2: 'call 2', 3: 'call 3' });
  });

  it('calls the host in the context of the call before which a released resource is dropped', async () => {
    const { call, answers, contexts, make } = await scene();
    const things = [await make(7), await make(8)];
    const calls = [];
    for (const n of [1, 2, 3]) {
      calls.push(call(`call ${n}`, 'work', n, n * REST));
      await settled();
      things.pop()?.[Symbol.dispose]();
    }
    await settled();
    answers(1, 2, 3);
    await Promise.all(calls);
    expect(contexts).toEqual({ 1: 'call 1', 2: 'call 2', 3: 'call 3', 7: 'call 3', 8: 'call 2' });
  });

  it('ends the instance for its own call where it traps, and others as neighbours', async () => {
    const { call, answers } = await scene();
    const calls = [1, 2, 3].map((n) => call(`call ${n}`, 'work', n, n * REST + (n === 2 ? DESTRUCTOR.traps : 0)));
    const told = Promise.allSettled(calls);
    await settled();
    answers(2);
    const ended = { reason: { code: 'RUNTIME_INSTANCE_ENDED' } };
    expect(await told).toMatchObject([ended, { reason: { code: 'RUNTIME_TRAP' } }, ended]);
  });

  it('ends the instance for the call before which a released resource is dropped', async () => {
    const { call, make } = await scene();
    const thing = await make(7, DESTRUCTOR.traps);
    const first = call('first', 'work', 1, REST);
    await settled();
    thing[Symbol.dispose]();
    const told = Promise.allSettled([first, call('second', 'drops', 2, 0)]);
    expect(await told).toMatchObject([
      { reason: { code: 'RUNTIME_INSTANCE_ENDED' } },
      { reason: { code: 'RUNTIME_TRAP' } },
    ]);
  });

  it('is waited for by whoever drops the resource while calls run, and is told its trap', async () => {
    const { call, answers, make, contexts } = await scene();
    const [thing, trapping] = [await make(7), await make(8, DESTRUCTOR.traps)];
    const first = call('first', 'work', 1, REST);
    await settled();
    await storage.run('drop', async () => thing[Symbol.asyncDispose]());
    expect(contexts).toEqual({ 7: 'drop' });
    const told = Promise.allSettled([first, trapping[Symbol.asyncDispose]()]);
    expect(await told).toMatchObject([
      { reason: { code: 'RUNTIME_INSTANCE_ENDED' } },
      { reason: { code: 'RUNTIME_TRAP' } },
    ]);
    answers(1);
  });

  it.each([
    [1, 'a call'],
    [4, 'a call'],
    [1, 'nothing'],
    [4, 'nothing'],
  ])('may begin a call of the host, concurrency %i, before %s', async (concurrency, what) => {
    const { runtime, handle, call, answers, make, contexts } = await scene({ concurrency });
    const thing = await make(7, DESTRUCTOR.callsHost);
    if (what === 'a call') {
      thing[Symbol.dispose]();
      expect(await call('next', 'drops', 2, 2 * REST)).toBe(2);
    } else await storage.run('next', async () => thing[Symbol.asyncDispose]());
    expect(contexts[7]).toBe('next');
    answers(7 * REST + DESTRUCTOR.callsHost);
    await settled();
    expect(await call('last', 'drops', 3, 3 * REST)).toBe(3);
    expect(runtime.state(handle)).toBe('ready');
  });

  it('runs for the next call where the one before was refused its arguments', async () => {
    const { call, answers, make, contexts } = await scene();
    const thing = await make(7);
    const first = call('first', 'work', 1, REST);
    await settled();
    thing[Symbol.dispose]();
    const refused = call('refused', 'take', {}).catch(({ code }: { code: string }) => code);
    const next = call('next', 'drops', 2, 2 * REST);
    expect(await Promise.all([refused, next])).toEqual(['RUNTIME_INVALID_ARGUMENT', 2]);
    expect(contexts).toEqual({ 2: 'next', 7: 'next' });
    answers(1);
    await first;
  });
});

describe('a task that a destructor begins', () => {
  it('is charged to the call for which the destructor runs', async () => {
    const { call, answers } = await scene({ maxFuel: 50_000n });
    const calls = [1, 2, 3].map((n) => call(`call ${n}`, 'early', n, n === 2 ? REST + DESTRUCTOR.spins : 0));
    const ended = { reason: { code: 'RUNTIME_INSTANCE_ENDED' } };
    expect(await Promise.allSettled(calls)).toMatchObject([ended, { reason: { code: 'METERING_OUT_OF_FUEL' } }, ended]);
    answers(1, 2, 3);
  });

  it('costs its call the same beside others as alone', async () => {
    const costs = async (concurrency: number, others: readonly number[]): Promise<bigint> => {
      const { runtime, handle, call, answers } = await scene({ concurrency });
      const calls = others.map((n) => call('other', 'early', n, n * REST));
      await settled();
      const own = call('own', 'early', 9, 1_000 * REST + DESTRUCTOR.beginsTask);
      // The task yields a thousand times, and so do the threads beside it.
      for (let round = 0; round < 10; round++) await settled();
      answers(9);
      await own;
      const { fuelConsumed } = runtime.usage(handle).last;
      answers(...others);
      await Promise.all(calls);
      return fuelConsumed;
    };
    expect(await costs(4, [1, 2, 3])).toBe(await costs(2, []));
  });
});

describe('calls whose destructors run side by side', () => {
  const KINDS = ['work', 'early', 'late', 'drops'] as const;
  const does = fc.constantFrom(0, 0, DESTRUCTOR.beginsTask, DESTRUCTOR.callsHost, DESTRUCTOR.traps, DESTRUCTOR.spins);
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom(...KINDS), does, rests: fc.boolean() }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('make', 'release', 'drop', 'take', 'answer', 'abort'),
        does: fc.constant(0),
        rests: fc.boolean(),
      }),
    },
  );

  it.each([
    ['whole slices', {}],
    ['short slices', { sliceMs: 0.001 }],
  ] as const)('all end, each in its own context, whatever they do: %s', async (_, options) => {
    const run = async (steps: readonly { do: string; does: number; rests: boolean }[]): Promise<void> => {
      const { runtime, handle, call, answerAll, make, contexts } = await scene({ maxFuel: 100_000n, options });
      const ended: Promise<unknown>[] = [];
      const owners: Record<number, string> = {};
      const things: [n: number, thing: ComponentResource][] = [];
      const giving: AbortController[] = [];
      const note = (promise: Promise<unknown>): void => void ended.push(promise.catch(() => {}));
      for (const [n, each] of steps.entries()) {
        const [own, thing] = things[0] ?? [];
        if ((KINDS as readonly string[]).includes(each.do)) {
          owners[n] = `${n}`;
          const stop = new AbortController();
          giving.push(stop);
          const name = { name: each.do, signal: stop.signal };
          note(storage.run(`${n}`, async () => runtime.call(handle, name, n, n * REST + each.does)));
        } else if (each.do === 'make') note(make(n, each.does).then((made) => things.push([n, made])));
        else if (each.do === 'answer') await answerAll();
        else if (each.do === 'abort') giving.pop()?.abort();
        else if (thing !== undefined && own !== undefined) {
          things.shift();
          // What is released is dropped by the next call that begins, which may have been made before.
          if (each.do === 'take') owners[own] = `${n}`;
          if (each.do === 'take') note(call(`${n}`, 'take', thing));
          else if (each.do === 'drop') note(storage.run(`${n}`, async () => thing[Symbol.asyncDispose]()));
          else thing[Symbol.dispose]();
        }
        if (each.rests) await settled();
      }
      await answerAll();
      await Promise.all(ended);
      for (const [n, owner] of Object.entries(owners)) expect([undefined, owner]).toContain(contexts[Number(n)]);
      await runtime.close();
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 16 }), run), { numRuns: 25 });
  });
});

// Hosts and guests that do their worst with turns that wait; and what must hold whatever order turns go on in.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type ComponentHandle,
  createRuntime,
  hostFunction,
  type LoadOptions,
  type Runtime,
  type RuntimeOptions,
} from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { actor, BUMP, componentOf } from '../../tools/components/actor-wat.ts';
import { askingActor, sleepingActor } from '../../tools/components/asking-actor.ts';
import { waitingGuest } from '../../tools/components/waiting-guest.ts';

const DB = 'test:waiting/db@1.0.0';
let guest: Uint8Array;
beforeAll(async () => {
  guest = await waitingGuest();
});

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

async function started(options: RuntimeOptions = {}): Promise<Runtime> {
  const runtime = await createRuntime(options);
  open.push(runtime);
  return runtime;
}

const given = (functions: object) => ({ [DB]: { find: () => '', number: () => 0n, nothing: () => {}, ...functions } });
const loadGuest = (runtime: Runtime, functions: object, options: LoadOptions = {}) =>
  runtime.load(guest, { imports: given(functions), limits: { maxExecutionTimeMs: 60_000 }, ...options });
const polled = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 300_000, interval: 1 });
const ended = { code: expect.stringMatching(/^RUNTIME_/) };

/** Promises that a test settles when it likes. */
function held<T>() {
  const settle: { resolve: (value: T) => void; reject: (error: unknown) => void }[] = [];
  const ask = (): Promise<T> => new Promise<T>((resolve, reject) => settle.push({ resolve, reject }));
  return { settle, ask };
}

describe('a promise of the host', () => {
  it.each(['unload', 'close', 'restart'] as const)('may be settled after an %s: nobody is told', async (how) => {
    const runtime = await started();
    const { settle, ask } = held<bigint>();
    const handle = await loadGuest(
      runtime,
      { number: ask },
      { cancel: 'turn', supervision: { restart: 'transient', backoffMs: 0 } },
    );
    const giving = new AbortController();
    const call = expect(runtime.call(handle, { name: 'sum', signal: giving.signal }, 3)).rejects.toMatchObject(ended);
    await polled(() => expect(settle).toHaveLength(1));
    if (how === 'unload') await runtime.unload(handle);
    if (how === 'close') await runtime.close();
    if (how === 'restart') giving.abort();
    await call;
    settle[0]?.resolve(1n);
    settle[0]?.reject(new Error('twice'));
    await nextTurn();
    expect(settle).toHaveLength(1);
    if (how !== 'restart') return;
    const again = runtime.call(handle, 'sum', 1);
    await polled(() => expect(settle).toHaveLength(2));
    settle[1]?.resolve(7n);
    expect(await again).toBe(7n);
  });

  it('may be asked for in a loop: each is waited for, and none is kept', async () => {
    const runtime = await started();
    const handle = await loadGuest(runtime, { number: async (n: number) => BigInt(n) });
    expect(await runtime.call(handle, 'sum', 2_000)).toBe(2_001_000n);
    expect(runtime.state(handle)).toBe('ready');
  });

  it.each(['preemptive', 'cooperative'] as const)(
    'is given up at every point at which a turn waits for it, %s',
    async (scheduling) => {
      const points = 5;
      const fuels: bigint[] = [];
      for (let point = 1; point <= points; point++) {
        const runtime = await started();
        let asked = 0;
        const giving = new AbortController();
        let aborted = 0;
        const number = hostFunction(async ({ signal }, n: number) => {
          asked += 1;
          signal.addEventListener('abort', () => {
            aborted += 1;
          });
          if (asked < point) return BigInt(n);
          setImmediate(() => giving.abort());
          return new Promise<bigint>(() => {});
        });
        const handle = await loadGuest(runtime, { number }, { scheduling, cancel: 'turn' });
        await expect(runtime.call(handle, { name: 'sum', signal: giving.signal }, points)).rejects.toMatchObject({
          code: 'RUNTIME_ABORTED',
        });
        // What was asked before is told too that the turn has ended; the guest asks nothing any more.
        expect([asked, aborted]).toEqual([point, point]);
        expect(runtime.state(handle)).toBe('failed');
        fuels.push(runtime.usage(handle).last.fuelConsumed);
      }
      const steps = fuels.slice(1).map((fuel, index) => fuel - (fuels[index] as bigint));
      expect(new Set(steps).size).toBe(1);
      expect(steps[0]).toBeGreaterThan(0n);
    },
  );
});

describe('a guest', () => {
  const text = (where: 'realloc' | 'post' | 'start' | 'none', spins = 0): string => `(module
    (import "test:waiting/db@1.0.0" "nothing" (func $nothing))
    (import "test:waiting/db@1.0.0" "find" (func $find (param i32 i32 i32)))
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $i i32)
      ${where === 'realloc' ? '(call $nothing)' : ''}
      (local.set $i (i32.const ${spins + 1}))
      (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (i32.const 1024))
    (func (export "find") (param i32 i32) (result i32)
      (call $find (local.get 0) (local.get 1) (i32.const 64))
      (i32.store (i32.const 16) (i32.load (i32.const 68))) (i32.store (i32.const 20) (i32.load (i32.const 72)))
      (i32.const 16))
    (func (export "cabi_post_find") (param i32) ${where === 'post' ? '(call $nothing)' : ''})
    ${where === 'start' ? '(func $begin (call $nothing)) (start $begin)' : ''})`;
  const WIT = `package test:waiting@1.0.0;
    interface db { find: func(key: string) -> result<string, string>; nothing: func(); }
    world guest { import db; export find: func(key: string) -> string; }`;
  const imports = { [DB]: { find: async (key: string) => `found ${key}`, nothing: () => new Promise(() => {}) } };

  it.each([
    ['realloc', /allocating or cleaning up/],
    ['post', /allocating or cleaning up/],
  ] as const)('may not call the host at all in its %s, so that it cannot wait there', async (where, message) => {
    const runtime = await started();
    const handle = await runtime.load(await componentOf(text(where), WIT, 'guest'), { imports });
    await expect(runtime.call(handle, 'find', 'x')).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringMatching(message),
    });
  });

  it('cannot wait in its start function: the load says so', async () => {
    const runtime = await started();
    const component = await componentOf(text('start'), WIT, 'guest');
    await expect(runtime.load(component, { imports })).rejects.toMatchObject({ code: 'RUNTIME_WOULD_BLOCK' });
  });

  it.each(['churn', 'make'] as const)('cannot wait in a destructor, called by %s', async (how) => {
    const destroys = await parse(`(component
      (import "slow" (func $slow (result u32)))
      (core func $lowered (canon lower (func $slow)))
      (core module $d (import "" "slow" (func $slow (result i32)))
        (func (export "dtor") (param i32) (drop (call $slow))))
      (core instance $di (instantiate $d (with "" (instance (export "slow" (func $lowered))))))
      (type $r (resource (rep i32) (dtor (core func $di "dtor"))))
      (core func $new (canon resource.new $r))
      (core func $drop (canon resource.drop $r))
      (core module $m
        (import "" "new" (func $new (param i32) (result i32))) (import "" "drop" (func $drop (param i32)))
        (func (export "make") (result i32) (call $new (i32.const 7)))
        (func (export "churn") (result i32) (call $drop (call $new (i32.const 7))) (i32.const 1)))
      (core instance $i
        (instantiate $m (with "" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
      (export $thing "thing" (type $r))
      (func (export "make") (result (own $thing)) (canon lift (core func $i "make")))
      (func (export "churn") (result u32) (canon lift (core func $i "churn"))))`);
    const runtime = await started();
    const handle = await runtime.load(destroys, { imports: { slow: () => new Promise(() => {}) } });
    const churns = async (): Promise<unknown> => {
      const made = await runtime.call(handle, how);
      // The guest itself drops what `churn` makes; what `make` answers is dropped by the embedder.
      return (made as AsyncDisposable)[Symbol.asyncDispose]();
    };
    await expect(churns()).rejects.toMatchObject({ code: 'RUNTIME_WOULD_BLOCK' });
    expect(runtime.state(handle)).toBe('failed');
  });

  it('keeps the thread while the answer of a host function is lowered, though its slice is used up', async () => {
    const runtime = await started({ sliceMs: 0.001 });
    const component = await componentOf(text('none', 3_000_000), WIT, 'guest');
    const handle = await runtime.load(component, { imports, limits: { maxExecutionTimeMs: 60_000 } });
    expect(await runtime.call(handle, 'find', 'x')).toBe('found x');
  });

  it('reads no message but its own, and keeps nobody from the host, where its allocator computes through its slice', async () => {
    const runtime = await started({ sliceMs: 0.001 });
    const slow = await actor({
      realloc: `(local.set $old (i32.const 3000000))
        (loop $l (br_if $l (local.tee $old (i32.sub (local.get $old) (i32.const 1))))) ${BUMP}`,
    });
    const limits = { maxExecutionTimeMs: 60_000 };
    const handles = [await runtime.load(slow, { limits }), await runtime.load(slow, { limits })];
    // It calls the host, which is refused while a message is being lowered into it.
    const sleeps = await runtime.load(await sleepingActor(0), { limits });
    const answers = await Promise.all([
      ...handles.map((handle, index) => runtime.request(handle, Buffer.alloc(200, index + 1), { timeoutMs: 60_000 })),
      runtime.request(sleeps, Buffer.alloc(200, 3), { timeoutMs: 60_000 }),
    ]);
    expect(answers.map((answer) => [...new Set(answer)])).toEqual([[1], [2], [3]]);
  });

  it('is told when what it asks is being restarted, and goes on', async () => {
    const runtime = await started();
    const grants = ['messaging:*:demo/*/*'];
    const sleeps = await runtime.load(await sleepingActor(60_000), {
      id: 'demo/sleeps/1',
      cancel: 'turn',
      supervision: { restart: 'transient', backoffMs: 0 },
    });
    const giving = new AbortController();
    const first = expect(
      runtime.request(sleeps, new Uint8Array(1), { signal: giving.signal, timeoutMs: 60_000 }),
    ).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    const asks = await runtime.load(await askingActor('demo', 'sleeps', '1', 60_000), { id: 'demo/asks/1', grants });
    const answer = runtime.request(asks, new Uint8Array(0), { timeoutMs: 60_000 });
    await polled(() => expect(runtime.state(asks)).toBe('waiting'));
    giving.abort();
    await first;
    // Its question waited in the mailbox, and an empty message is answered at once by the new instance.
    expect(await answer).toEqual(new Uint8Array(0));
  });
});

describe('the time of a turn', () => {
  it('is that of the monotonic clock, wherever the clock of the wall jumps to', async () => {
    const clock = new TestClock();
    const runtime = await started({ overrides: { clock } });
    const { settle, ask } = held<bigint>();
    const handle = await loadGuest(runtime, { number: ask }, { limits: { maxTurnTimeMs: 30_000 } });
    const first = runtime.call(handle, 'sum', 1);
    await polled(() => expect(settle).toHaveLength(1));
    const begun = clock.now();
    for (const jump of [1e12, -1e12, 0]) {
      clock.setWall(begun + jump);
      clock.advance(9_000);
      expect(runtime.state(handle)).toBe('waiting');
    }
    settle[0]?.resolve(1n);
    expect(await first).toBe(1n);
    const second = expect(runtime.call(handle, 'sum', 1)).rejects.toMatchObject({ code: 'RUNTIME_TURN_TIMEOUT' });
    await polled(() => expect(settle).toHaveLength(2));
    clock.advance(29_999);
    expect(runtime.state(handle)).toBe('waiting');
    clock.advance(1);
    await second;
  });
});

describe('any set of turns', () => {
  interface Planned {
    readonly export: 'find' | 'sum' | 'spin';
    readonly size: number;
  }
  const planned = fc.record({
    export: fc.constantFrom('find', 'sum', 'spin' as const),
    size: fc.integer({ min: 1, max: 6 }),
  });
  const argument = (call: Planned): unknown =>
    call.export === 'find' ? 'x'.repeat(call.size) : call.export === 'sum' ? call.size : call.size * 300_000;

  it('gives the same answers and costs the same fuel in whatever order they go on', async () => {
    const runtime = await started({ sliceMs: 0.05 });
    const waits: (() => void)[] = [];
    let one = true;
    const later = <T>(value: T): T | Promise<T> =>
      one ? value : new Promise((resolve) => waits.push(() => resolve(value)));
    const functions = { find: (key: string) => later(`found ${key}`), number: (n: number) => later(BigInt(n)) };
    const handles: ComponentHandle[] = [];
    for (let index = 0; index < 4; index++) {
      const scheduling = index % 2 === 0 ? 'preemptive' : 'cooperative';
      handles.push(await loadGuest(runtime, functions, { scheduling }));
    }
    const run = async (handle: ComponentHandle, calls: readonly Planned[]): Promise<unknown[]> => {
      const results: unknown[] = [];
      for (const call of calls) {
        const answer = await runtime.call(handle, call.export, argument(call));
        results.push([answer, runtime.usage(handle).last.fuelConsumed]);
      }
      return results;
    };
    const plans = fc.array(fc.array(planned, { maxLength: 3 }), { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(plans, fc.infiniteStream(fc.nat(9)), async (each, picks) => {
        one = true;
        const alone: unknown[] = [];
        for (const [index, calls] of each.entries()) alone.push(await run(handles[index] as ComponentHandle, calls));
        one = false;
        let done = false;
        const together = Promise.all(each.map((calls, index) => run(handles[index] as ComponentHandle, calls))).finally(
          () => {
            done = true;
          },
        );
        for (const pick of picks) {
          await nextTurn();
          if (done) break;
          waits.splice(pick % Math.max(1, waits.length), 1)[0]?.();
        }
        expect(await together).toEqual(alone);
      }),
      { numRuns: 12 },
    );
  });
});

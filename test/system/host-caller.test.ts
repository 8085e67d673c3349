// Functions, methods and constructors of the embedder's that are given their caller, on both call paths.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type HostCaller, hostFunction, type Runtime } from '../../src/index.ts';
import { componentOf } from '../../tools/components/actor-wat.ts';

const HOST = 'test:caller/host@1.0.0';
const WIT = `package test:caller@1.0.0;
interface host {
  resource counter { constructor(start: u32); add: func(n: u32) -> u32; make: static func(start: u32) -> counter; }
  plain: func(n: u32) -> u32;
}
world guest {
  import host;
  export run: func(n: u32) -> u32;
  export plain: func(n: u32) -> u32;
  export fails: func();
}`;
const CORE = `(module
  (import "${HOST}" "[constructor]counter" (func $new (param i32) (result i32)))
  (import "${HOST}" "[method]counter.add" (func $add (param i32 i32) (result i32)))
  (import "${HOST}" "[static]counter.make" (func $make (param i32) (result i32)))
  (import "${HOST}" "plain" (func $plain (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "run") (param i32) (result i32)
    (i32.add (call $add (call $new (i32.const 100)) (local.get 0)) (call $add (call $make (i32.const 200)) (local.get 0))))
  (func (export "plain") (param i32) (result i32) (call $plain (local.get 0)))
  (func (export "fails") (drop (call $plain (i32.const 0))) unreachable))`;

let guest: Uint8Array;
beforeAll(async () => {
  guest = await componentOf(CORE, WIT, 'guest');
});

describe.each(['direct', 'glue'] as const)('a function made by hostFunction, called by the way %s', (calls) => {
  let runtime: Runtime;
  let seen: { called: string; caller: HostCaller }[] = [];
  const note = (called: string, caller: HostCaller): void => {
    seen.push({ called, caller });
  };
  beforeAll(async () => {
    runtime = await createRuntime({ calls });
  });
  afterAll(() => runtime.close());

  class Plain {
    value: number;
    constructor(caller: HostCaller, start: number) {
      note('constructor', caller);
      this.value = start;
    }
    add(caller: HostCaller, n: number): number {
      note('method', caller);
      this.value += n;
      return this.value;
    }
  }
  const Counter = hostFunction(Plain);
  Object.assign(Plain.prototype, { add: hostFunction(Plain.prototype.add) });
  const make = hostFunction((caller, start: number) => {
    note('static', caller);
    return new Counter(start);
  });
  Object.assign(Plain, { make });
  const load = (id: string, plain: (caller: HostCaller, n: number) => unknown = () => 0) => {
    seen = [];
    return runtime.load(guest, { id, imports: { [HOST]: { Counter, plain: hostFunction(plain) } } });
  };

  it('is given the component that calls: as a function, a method, a static function and a constructor', async () => {
    const one = await load(`demo/one-${calls}/1`, (caller, n) => {
      note('function', caller);
      return n + 1;
    });
    expect(await runtime.call(one, 'run', 5)).toBe(105 + 205);
    expect(await runtime.call(one, 'plain', 5)).toBe(6);
    expect(seen.map(({ called }) => called)).toEqual([
      'constructor',
      'method',
      'static',
      'constructor',
      'method',
      'function',
    ]);
    for (const { caller } of seen) expect(caller.handle).toBe(one);
  });

  it('is told by when the turn ends at the latest, the same for all calls of a turn', async () => {
    const one = await load(`demo/late-${calls}/1`);
    const before = Date.now();
    await runtime.call(one, 'run', 5);
    const deadlines = new Set(seen.map(({ caller }) => caller.deadline));
    expect(deadlines.size).toBe(1);
    const [deadline = 0] = deadlines;
    expect(deadline).toBeGreaterThan(before + 29_000);
    expect(deadline).toBeLessThan(Date.now() + 30_001);
  });

  it('is told when the turn ends otherwise than by answering, and why; never when it answers', async () => {
    const signals: AbortSignal[] = [];
    const one = await load(`demo/ends-${calls}/1`, (caller) => {
      signals.push(caller.signal);
      return 1;
    });
    await runtime.call(one, 'plain', 5);
    await expect(runtime.call(one, 'fails')).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    expect(signals[1]?.reason).toMatchObject({ code: 'RUNTIME_TRAP' });
  });

  it('has no caller outside of a turn', () => {
    expect(() => make(1)).toThrow(expect.objectContaining({ code: 'RUNTIME_WRONG_STATE' }));
  });
});

describe('an asynchronous function that is given its caller', () => {
  it.each(['unload', 'close'] as const)('is told by its signal of an %s while it waits', async (how) => {
    await using runtime = await createRuntime();
    const { promise: called, resolve: call } = Promise.withResolvers<HostCaller>();
    const handle = await runtime.load(guest, {
      imports: {
        [HOST]: {
          Counter: class {},
          plain: hostFunction((caller: HostCaller, _: number) => {
            call(caller);
            return new Promise<number>(() => {});
          }),
        },
      },
    });
    const ended = expect(runtime.call(handle, 'plain', 1)).rejects.toMatchObject({
      code: expect.stringMatching(/^RUNTIME_/),
    });
    const { signal } = await called;
    expect(signal.aborted).toBe(false);
    await (how === 'close' ? runtime.close() : runtime.unload(handle));
    await ended;
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code: 'RUNTIME_ABORTED' });
  });
});

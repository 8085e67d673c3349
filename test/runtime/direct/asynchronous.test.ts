import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from 'vivarium';

/** A component with a memory and a core module that is given the built-ins and imports that the test names. */
function component(parts: {
  /** Component definitions before the core module: imports and types. */
  readonly before?: string;
  /** `(core func $name (canon …))` for what the core module imports, by the names in `imports`. */
  readonly canons: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly code: string;
  readonly exports: string;
}): string {
  const names = Object.keys(parts.imports);
  const imported = names.map((name) => `(import "" "${name}" (func $${name} ${parts.imports[name]}))`);
  return `(component
    ${parts.before ?? ''}
    (core module $Memory (memory (export "memory") 1))
    (core instance $memory (instantiate $Memory))
    (alias core export $memory "memory" (core memory $mem))
    ${parts.canons}
    (core module $M (import "" "memory" (memory 1)) ${imported.join(' ')} ${parts.code})
    (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem))
      ${names.map((name) => `(export "${name}" (func $${name}))`).join(' ')}))))
    ${parts.exports})`;
}

/** Calls the import `wait` asynchronously with its argument, waits for it, and answers its answer. */
const WAITING = component({
  before: '(import "wait" (func $wait-host async (param "n" u32) (result u32)))',
  canons: `
    (core func $wait (canon lower (func $wait-host) async (memory $mem)))
    (core func $return (canon task.return (result u32)))
    (core func $new (canon waitable-set.new)) (core func $join (canon waitable.join))
    (core func $drop (canon subtask.drop)) (core func $drop-set (canon waitable-set.drop))`,
  imports: {
    wait: '(param i32 i32) (result i32)',
    return: '(param i32)',
    new: '(result i32)',
    join: '(param i32 i32)',
    drop: '(param i32)',
    'drop-set': '(param i32)',
  },
  code: `
    (global $set (mut i32) (i32.const 0))
    (func (export "f") (param i32) (result i32) (local $state i32)
      (local.set $state (call $wait (local.get 0) (i32.const 64)))
      (if (i32.eq (local.get $state) (i32.const 2))
        (then (call $return (i32.load (i32.const 64))) (return (i32.const 0))))
      (global.set $set (call $new))
      (call $join (i32.shr_u (local.get $state) (i32.const 4)) (global.get $set))
      (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
    (func (export "f-cb") (param $event i32) (param $handle i32) (param $state i32) (result i32)
      (if (i32.ne (local.get $event) (i32.const 1)) (then unreachable))
      (if (i32.ne (local.get $state) (i32.const 2)) (then unreachable))
      (call $drop (local.get $handle))
      (call $drop-set (global.get $set))
      (call $return (i32.load (i32.const 64)))
      (i32.const 0))`,
  exports: `(func (export "f") async (param "n" u32) (result u32)
    (canon lift (core func $m "f") async (callback (core func $m "f-cb"))))`,
});

describe('a component with asynchronous parts', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({});
  });
  afterAll(() => runtime.close());

  it('waits for an asynchronous import by its callback', async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const wait = (n: number): Promise<number> => promise.then((more) => n + more);
    const handle = await runtime.load(await parse(WAITING), { imports: { wait }, limits: { maxFuel: 1_000_000n } });
    const answer = runtime.call(handle, 'f', 40);
    resolve(2);
    expect(await answer).toBe(42);
    expect(await runtime.call(handle, 'f', 1)).toBe(3);
    expect(runtime.usage(handle).calls).toBe('direct');
    expect(runtime.usage(handle).fuelConsumed).toBeGreaterThan(0n);
  });

  it('is answered at once by an import that does not wait', async () => {
    const handle = await runtime.load(await parse(WAITING), { imports: { wait: (n: number) => n * 2 } });
    expect(await runtime.call(handle, 'f', 21)).toBe(42);
  });

  it('ends with the reason when the import it waits for fails', async () => {
    const wait = (): Promise<number> => Promise.reject(new Error('the disk is gone'));
    const handle = await runtime.load(await parse(WAITING), { imports: { wait } });
    await expect(runtime.call(handle, 'f', 1)).rejects.toThrow(/the host function wait failed: the disk is gone/);
  });

  it('ends while it waits, when it is unloaded', async () => {
    const handle = await runtime.load(await parse(WAITING), { imports: { wait: () => new Promise(() => {}) } });
    const answer = runtime.call(handle, 'f', 1);
    answer.catch(() => {});
    await runtime.unload(handle, { timeoutMs: 1 });
    await expect(answer).rejects.toThrow();
  });

  it('suspends its own stack in waitable-set.wait and in a synchronous call of an asynchronous import', async () => {
    const text = component({
      before: '(import "wait" (func $wait-host async (param "n" u32) (result u32)))',
      canons: `
        (core func $wait (canon lower (func $wait-host)))
        (core func $start (canon lower (func $wait-host) async (memory $mem)))
        (core func $new (canon waitable-set.new)) (core func $join (canon waitable.join))
        (core func $set-wait (canon waitable-set.wait (memory $mem)))`,
      imports: {
        wait: '(param i32) (result i32)',
        start: '(param i32 i32) (result i32)',
        new: '(result i32)',
        join: '(param i32 i32)',
        'set-wait': '(param i32 i32) (result i32)',
      },
      code: `(func (export "f") (param i32) (result i32) (local $set i32)
        (local.set $set (call $new))
        (call $join (i32.shr_u (call $start (local.get 0) (i32.const 64)) (i32.const 4)) (local.get $set))
        (if (i32.ne (call $set-wait (local.get $set) (i32.const 0)) (i32.const 1)) (then unreachable))
        (i32.add (call $wait (i32.const 5)) (i32.load (i32.const 64))))`,
      exports: '(func (export "f") async (param "n" u32) (result u32) (canon lift (core func $m "f")))',
    });
    const wait = async (n: number): Promise<number> => n + 1;
    const handle = await runtime.load(await parse(text), { imports: { wait } });
    expect(await runtime.call(handle, 'f', 35)).toBe(42);
  });

  it("keeps a task's own numbers while it waits, and begins each task with zeros", async () => {
    const text = component({
      before: '(import "wait" (func $wait-host async))',
      canons: `
        (core func $wait (canon lower (func $wait-host) async))
        (core func $return (canon task.return (result u32)))
        (core func $new (canon waitable-set.new)) (core func $join (canon waitable.join))
        (core func $get (canon context.get i32 0)) (core func $set (canon context.set i32 0))
        (core func $get-set (canon context.get i32 1)) (core func $set-set (canon context.set i32 1))`,
      imports: {
        wait: '(result i32)',
        return: '(param i32)',
        new: '(result i32)',
        join: '(param i32 i32)',
        get: '(result i32)',
        set: '(param i32)',
        'get-set': '(result i32)',
        'set-set': '(param i32)',
      },
      code: `
        (func (export "f") (param i32) (result i32)
          (if (i32.or (call $get) (call $get-set)) (then unreachable))
          (call $set (local.get 0))
          (call $set-set (call $new))
          (call $join (i32.shr_u (call $wait) (i32.const 4)) (call $get-set))
          (i32.or (i32.const 2) (i32.shl (call $get-set) (i32.const 4))))
        (func (export "f-cb") (param i32 i32 i32) (result i32) (call $return (call $get)) (i32.const 0))
        (func (export "stay") (param i32) (result i32)
          (call $return (call $get))
          (call $set (local.get 0))
          (i32.or (i32.const 2) (i32.shl (call $new) (i32.const 4))))`,
      exports: ['f', 'stay']
        .map(
          (name) => `(func (export "${name}") async (param "n" u32) (result u32)
            (canon lift (core func $m "${name}") async (callback (core func $m "f-cb"))))`,
        )
        .join(' '),
    });
    const handle = await runtime.load(await parse(text), { imports: { wait: async () => {} } });
    expect(await runtime.call(handle, 'f', 7)).toBe(7);
    // The task of this call goes on to exist beside the next ones, with a number of its own.
    expect(await runtime.call(handle, 'stay', 5)).toBe(0);
    expect(await runtime.call(handle, 'f', 9)).toBe(9);
    expect(await runtime.call(handle, 'stay', 6)).toBe(0);
  });

  it.each([
    ['of another type', '(func $wrong (param i32 i32)) (elem (i32.const 0) func $wrong)', /is of another type/],
    [
      'that answers',
      '(func $wrong (param i32) (result i32) (i32.const 0)) (elem (i32.const 0) func $wrong)',
      /another type/,
    ],
    ['that is not there', '', /where none is/],
  ])('makes no thread that begins with a function %s', async (_, code, message) => {
    const text = `(component
      (core module $Table (table (export "table") 1 funcref))
      (core instance $table (instantiate $Table))
      (alias core export $table "table" (core table $t))
      (core type $start (func (param i32)))
      (core func $new (canon thread.new-indirect $start (core table $t)))
      (core module $M (import "" "table" (table 1 funcref)) (import "" "new" (func $new (param i32 i32) (result i32)))
        ${code} (func (export "f") (drop (call $new (i32.const 0) (i32.const 0)))))
      (core instance $m (instantiate $M (with "" (instance (export "table" (table $t)) (export "new" (func $new))))))
      (func (export "f") async (canon lift (core func $m "f"))))`;
    await expect(runtime.call(await runtime.load(await parse(text)), 'f')).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringMatching(message),
    });
  });

  it('ends at threads without end, and takes any number of them one after the other', async () => {
    const text = `(component
      (core module $Table (table (export "table") 1 funcref))
      (core instance $table (instantiate $Table))
      (alias core export $table "table" (core table $t))
      (core type $start (func (param i32)))
      (core func $new (canon thread.new-indirect $start (core table $t)))
      (core func $switch (canon thread.yield-then-resume))
      (core module $M (import "" "table" (table 1 funcref)) (import "" "new" (func $new (param i32 i32) (result i32)))
        (import "" "switch" (func $switch (param i32) (result i32)))
        (func $begin (param i32)) (elem (i32.const 0) func $begin)
        (func (export "many") (param i32) (loop $more
          (drop (call $switch (call $new (i32.const 0) (i32.const 0))))
          (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "endless") (loop $more (drop (call $new (i32.const 0) (i32.const 0))) (br $more))))
      (core instance $m (instantiate $M (with "" (instance (export "table" (table $t)) (export "new" (func $new))
        (export "switch" (func $switch))))))
      (func (export "many") async (param "n" u32) (canon lift (core func $m "many")))
      (func (export "endless") async (canon lift (core func $m "endless"))))`;
    const limits = { maxExecutionTimeMs: 60_000, maxFuel: 1_000_000_000n, maxMemoryBytes: 2 ** 20 };
    const handle = await runtime.load(await parse(text), { limits });
    await runtime.call(handle, 'many', 3_000);
    await expect(runtime.call(handle, 'endless')).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringMatching(/the tasks of the component make the host keep more than it may/),
    });
  });

  it.each([
    ['a task that ends without an answer', '(func (export "f") (result i32) (i32.const 0))', /ended without an answer/],
    ['a callback code that is none', '(func (export "f") (result i32) (i32.const 3))', /answers the code 3/],
    ['a wait on what is no set', '(func (export "f") (result i32) (i32.const 18))', /unknown handle index 1/],
    ['two answers', '(func (export "f") (result i32) (call $return) (call $return) (i32.const 0))', /answers twice/],
    [
      'a cancellation that nobody asked for',
      '(func (export "f") (result i32) (call $cancel) (i32.const 0))',
      /not told to/,
    ],
    [
      'a subtask that is none',
      '(func (export "f") (result i32) (call $drop (call $new)) (i32.const 0))',
      /is no subtask/,
    ],
    [
      'a set that is dropped twice',
      `(func (export "f") (result i32) (local $s i32) (local.set $s (call $new))
      (call $drop-set (local.get $s)) (call $drop-set (local.get $s)) (i32.const 0))`,
      /unknown handle index/,
    ],
    ['backpressure that is given up twice', '(func (export "f") (result i32) (call $dec) (i32.const 0))', /more often/],
    [
      'tasks that wait for each other',
      `(func (export "f") (result i32)
      (i32.or (i32.const 2) (i32.shl (call $new) (i32.const 4))))`,
      /wait for each other/,
    ],
    [
      'sets without end',
      '(func (export "f") (result i32) (loop $l (drop (call $new)) (br $l)) (i32.const 0))',
      /more than \d+ |more than it may/,
    ],
  ])('ends at %s', async (_, code, reason) => {
    const text = component({
      canons: `(core func $return (canon task.return)) (core func $cancel (canon task.cancel))
        (core func $new (canon waitable-set.new)) (core func $drop (canon subtask.drop))
        (core func $drop-set (canon waitable-set.drop)) (core func $dec (canon backpressure.dec))`,
      imports: { return: '', cancel: '', new: '(result i32)', drop: '(param i32)', 'drop-set': '(param i32)', dec: '' },
      code: `${code} (func (export "cb") (param i32 i32 i32) (result i32) unreachable)`,
      exports: '(func (export "f") async (canon lift (core func $m "f") async (callback (core func $m "cb"))))',
    });
    const limits = { maxExecutionTimeMs: 60_000, maxFuel: 1_000_000_000n };
    const handle = await runtime.load(await parse(text), { limits });
    const failure = await runtime.call(handle, 'f').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'RUNTIME_TRAP', message: expect.stringMatching(reason) });
  });
});

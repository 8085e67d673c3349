// How many stacks of threads a runtime suspends at a time. V8 ends the process when the system has no more mappings for them.
import { setImmediate as nextStep } from 'node:timers/promises';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime } from '../../../src/index.ts';
import { MAY_NEST_CALLS } from '../../../src/runtime/execution/jspi.ts';

/** `many(n)` leaves n threads suspended, and `none()` nothing. */
const GUEST = `(component
  (core module $Table (table (export "table") 1 funcref))
  (core instance $table (instantiate $Table))
  (alias core export $table "table" (core table $t))
  (core type $start (func (param i32)))
  (core func $new (canon thread.new-indirect $start (core table $t)))
  (core func $switch (canon thread.yield-then-resume))
  (core func $suspend (canon thread.suspend))
  (core module $M
    (import "" "table" (table 1 funcref))
    (import "" "new" (func $new (param i32 i32) (result i32)))
    (import "" "switch" (func $switch (param i32) (result i32)))
    (import "" "suspend" (func $suspend (result i32)))
    (func $begin (param i32) (drop (call $suspend)))
    (elem (i32.const 0) func $begin)
    (func (export "none"))
    (func (export "many") (param i32)
      (loop $more
        (drop (call $switch (call $new (i32.const 0) (i32.const 0))))
        (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
  (core instance $m (instantiate $M (with "" (instance (export "table" (table $t)) (export "new" (func $new))
    (export "switch" (func $switch)) (export "suspend" (func $suspend))))))
  (func (export "none") (canon lift (core func $m "none")))
  (func (export "many") async (param "n" u32) (canon lift (core func $m "many"))))`;

/** `outer(n)` calls the inner component, which asks the host's `wait(n)`. */
const CALLERS = `(component
  (import "wait" (func $wait (param "n" u32) (result u32)))
  (component $Inner
    (import "wait" (func $wait (param "n" u32) (result u32)))
    (core func $wait (canon lower (func $wait)))
    (core module $M (import "" "wait" (func $wait (param i32) (result i32)))
      (func (export "inner") (param i32) (result i32) (call $wait (local.get 0))))
    (core instance $m (instantiate $M (with "" (instance (export "wait" (func $wait))))))
    (func (export "inner") (param "n" u32) (result u32) (canon lift (core func $m "inner"))))
  (instance $inner (instantiate $Inner (with "wait" (func $wait))))
  (core func $inner (canon lower (func $inner "inner")))
  (core module $M (import "" "inner" (func $inner (param i32) (result i32)))
    (func (export "outer") (param i32) (result i32) (call $inner (local.get 0))))
  (core instance $m (instantiate $M (with "" (instance (export "inner" (func $inner))))))
  (func (export "outer") (param "n" u32) (result u32) (canon lift (core func $m "outer"))))`;

const MOST = 10;
const TOO_MANY = { code: 'RUNTIME_TOO_MANY_STACKS', message: expect.stringContaining('10 stacks') };

let guest: Uint8Array;
beforeAll(async () => {
  guest = await parse(GUEST);
});

let runtime: Runtime;
let loaded = 0;
afterEach(() => runtime.close());

async function load(): Promise<ComponentHandle> {
  loaded += 1;
  return await runtime.load(guest, { id: `demo/threads/${loaded}` });
}

describe('suspended threads', () => {
  it('are bounded for all components of a runtime, and the one that asks for one more ends alone', async () => {
    runtime = await createRuntime({ maxStacks: MOST });
    const [first, second] = [await load(), await load()];
    // The thread that begins the last one is suspended meanwhile.
    await runtime.call(first, 'many', MOST - 1);
    await expect(runtime.call(second, 'many', 1)).rejects.toMatchObject(TOO_MANY);
    await runtime.call(first, 'none');
    expect(runtime.state(first)).toBe('ready');
    await expect(runtime.call(first, 'many', 1)).rejects.toMatchObject(TOO_MANY);
  });

  it.each(['unloaded', 'ended by the limit'])('leave room for others when their component is %s', async (how) => {
    runtime = await createRuntime({ maxStacks: MOST });
    for (let round = 0; round < 5; round++) {
      const handle = await load();
      await runtime.call(handle, 'many', MOST - 1);
      if (how === 'ended by the limit') {
        await expect(runtime.call(handle, 'many', 5)).rejects.toMatchObject(TOO_MANY);
      }
      await runtime.unload(handle);
      // The suspended stacks trap one after the other.
      for (let n = 0; n < 4 * MOST; n++) await nextStep();
    }
  });
});

describe.skipIf(!MAY_NEST_CALLS)('a caller that waits for another component', () => {
  it('counts while its callee waits for the host, which one more may not', async () => {
    runtime = await createRuntime({ maxStacks: 1 });
    const callers = await parse(CALLERS);
    const answers: (() => void)[] = [];
    const wait = (n: number): Promise<number> => new Promise((resolve) => answers.push(() => resolve(n)));
    const each = async (id: string) => await runtime.load(callers, { id, imports: { wait } });
    const [first, second] = [await each('demo/first/1'), await each('demo/second/1')];
    for (let round = 1; round < 4; round++) {
      const called = runtime.call(first, 'outer', round);
      while (answers.length === 0) await nextStep();
      if (round === 3) {
        await expect(runtime.call(second, 'outer', 0)).rejects.toMatchObject({ code: 'RUNTIME_WOULD_BLOCK' });
      }
      answers.shift()?.();
      expect(await called).toBe(round);
    }
  });
});

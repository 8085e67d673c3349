// What tasks of an asynchronous component leave to its host, when the component ends or asks for more than it may.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';
import { LaterStore } from '../support/later-store.ts';

/** Gives a stream to the host, and traps then where it is told to. */
const STREAMS = `(component
  (type $bytes (stream u8))
  (import "consume" (func $consume-host async (param "s" $bytes) (result u32)))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $new (canon stream.new $bytes))
  (core func $consume (canon lower (func $consume-host) async (memory $mem)))
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "new" (func $new (result i64)))
    (import "" "consume" (func $consume (param i32 i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (func (export "run") (param $trap i32)
      (drop (call $consume (i32.wrap_i64 (call $new)) (i32.const 0)))
      (if (local.get $trap) (then unreachable))
      (call $return (i32.const 5))))
  (core instance $m (instantiate $M (with "" (instance
    (export "new" (func $new)) (export "consume" (func $consume)) (export "return" (func $return))))))
  (func (export "run") async (param "n" u32) (result u32) (canon lift (core func $m "run") async)))`;

/** Begins as many writes to its storage as it is told, and waits for none. */
const WRITES = `(component
  (import "vivarium:actor/storage@0.2.0" (instance $s (export "set" (func async (param "key" string) (param "value" (list u8))))))
  (alias export $s "set" (func $set-host))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $set (canon lower (func $set-host) async (memory $mem)))
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "set" (func $set (param i32 i32 i32 i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (import "" "memory" (memory 1))
    (func (export "run") (param $n i32)
      (i32.store8 (i32.const 0) (i32.const 97))
      (loop $more
        (drop (call $set (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 1000)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br_if $more (local.get $n)))
      (call $return (i32.const 5))))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem))
    (export "set" (func $set)) (export "return" (func $return))))))
  (func (export "run") async (param "n" u32) (result u32) (canon lift (core func $m "run") async)))`;

describe('a stream of a guest that has ended', () => {
  it.each([
    ['by a trap', 1, 1],
    ['by a trap beside other calls', 2, 1],
    ['by its unload', 1, 0],
    ['by its unload beside other calls', 2, 0],
  ] as const)('ends who reads it: %s', async (_, concurrency, traps) => {
    await using runtime = await createRuntime({ cache: false });
    let read: Promise<unknown> | undefined;
    const consume = async (stream: ReadableStream): Promise<number> => {
      read = stream.getReader().read();
      await read.catch(() => {});
      return 1;
    };
    const handle = await runtime.load(await parse(STREAMS), { concurrency, imports: { consume } });
    const called = runtime.call(handle, 'run', traps);
    if (traps === 1) await expect(called).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    else {
      await called;
      await runtime.unload(handle);
    }
    await expect(read).rejects.toThrow();
  });
});

it('storage has sixteen operations of a component under way at most, whatever the component does not wait for', async () => {
  const store = new LaterStore();
  let begun = 0;
  store.before = () => {
    begun += 1;
    return new Promise(() => {});
  };
  await using runtime = await createRuntime({ cache: false, overrides: { keyValueStore: store } });
  const handle = await runtime.load(await parse(WRITES), { grants: ['storage:*:**'] });
  await runtime.call(handle, 'run', 600).catch(() => {});
  const most = begun;
  store.before = () => Promise.resolve();
  expect(most).toBe(16);
});

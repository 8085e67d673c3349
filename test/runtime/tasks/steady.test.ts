// What very many calls of an asynchronous export leave behind: nothing, or what the store is charged for.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, it } from 'vitest';
import { createRuntime } from '../../../src/index.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/**
 * `f` calls an import, waits for its answer with its callback, passes a stream through a set, and drops all. `stay` answers and then
 * waits for a stream that nobody writes.
 */
const COMPONENT = `(component
  (type $s (stream u8))
  (import "wait" (func $wait-host async (param "n" u32) (result u32)))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $wait (canon lower (func $wait-host) async (memory $mem)))
  (core func $return (canon task.return (result u32)))
  (core func $set (canon waitable-set.new)) (core func $join (canon waitable.join))
  (core func $drop (canon subtask.drop)) (core func $drop-set (canon waitable-set.drop))
  (core func $new (canon stream.new $s)) (core func $read (canon stream.read $s async (memory $mem)))
  (core func $drop-r (canon stream.drop-readable $s)) (core func $drop-w (canon stream.drop-writable $s))
  (core module $M (import "" "memory" (memory 1))
    (import "" "wait" (func $wait (param i32 i32) (result i32))) (import "" "return" (func $return (param i32)))
    (import "" "set" (func $set (result i32))) (import "" "join" (func $join (param i32 i32)))
    (import "" "drop" (func $drop (param i32))) (import "" "drop-set" (func $drop-set (param i32)))
    (import "" "new" (func $new (result i64))) (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "drop-r" (func $drop-r (param i32))) (import "" "drop-w" (func $drop-w (param i32)))
    (global $own (mut i32) (i32.const 0)) (global $ends (mut i64) (i64.const 0))
    (func $waits (param $handle i32) (result i32)
      (global.set $own (call $set))
      (call $join (local.get $handle) (global.get $own))
      (i32.or (i32.const 2) (i32.shl (global.get $own) (i32.const 4))))
    (func (export "f") (param i32) (result i32)
      (global.set $ends (call $new))
      (call $waits (i32.shr_u (call $wait (local.get 0) (i32.const 64)) (i32.const 4))))
    (func (export "f-cb") (param $event i32) (param $handle i32) (param $state i32) (result i32)
      (call $drop (local.get $handle))
      (call $drop-set (global.get $own))
      (call $drop-w (i32.wrap_i64 (i64.shr_u (global.get $ends) (i64.const 32))))
      (call $drop-r (i32.wrap_i64 (global.get $ends)))
      (call $return (i32.load (i32.const 64)))
      (i32.const 0))
    (func (export "stay") (param i32) (result i32) (local $reader i32)
      (call $return (local.get 0))
      (local.set $reader (i32.wrap_i64 (call $new)))
      (drop (call $read (local.get $reader) (i32.const 128) (i32.const 1)))
      (call $waits (local.get $reader)))
    (func (export "stay-cb") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem)) (export "wait" (func $wait))
    (export "return" (func $return)) (export "set" (func $set)) (export "join" (func $join)) (export "drop" (func $drop))
    (export "drop-set" (func $drop-set)) (export "new" (func $new)) (export "read" (func $read))
    (export "drop-r" (func $drop-r)) (export "drop-w" (func $drop-w))))))
  (func (export "f") async (param "n" u32) (result u32)
    (canon lift (core func $m "f") async (callback (core func $m "f-cb"))))
  (func (export "stay") async (param "n" u32) (result u32)
    (canon lift (core func $m "stay") async (callback (core func $m "stay-cb")))))`;

const imports = { wait: async (n: number) => n + 1 };
/** What the host may keep for the store: some hundred tasks or waitables. */
const limits = { maxExecutionTimeMs: 60_000, maxMemoryBytes: 2 ** 20 };

function heapInUse(): number {
  collect();
  return getHeapStatistics().used_heap_size;
}

it('a hundred thousand calls that wait leave nothing on the heap, and no task, handle or event in the store', async () => {
  await using runtime = await createRuntime({});
  const handle = await runtime.load(await parse(COMPONENT), { imports, limits });
  const many = async (calls: number): Promise<void> => {
    for (let n = 0; n < calls; n++) if ((await runtime.call(handle, 'f', n)) !== n + 1) throw new Error(`call ${n}`);
  };
  await many(20_000);
  const before = heapInUse();
  await many(80_000);
  // The least that a call could leave is an entry of a list, of 8 bytes; code that V8 compiles meanwhile is less than the rest.
  expect(heapInUse() - before).toBeLessThan(80_000 * 8);
});

it('tasks that answer and then wait for what never comes are charged, until the store may keep no more', async () => {
  await using runtime = await createRuntime({});
  const handle = await runtime.load(await parse(COMPONENT), { imports, limits });
  let calls = 0;
  const more = async (): Promise<never> => {
    for (; ; calls++) expect(await runtime.call(handle, 'stay', calls)).toBe(calls);
  };
  await expect(more()).rejects.toMatchObject({
    code: 'RUNTIME_TRAP',
    message: expect.stringMatching(/the tasks of the component make the host keep more than it may/),
  });
  expect(calls).toBeGreaterThan(50);
  // Each call keeps four things of 1 KiB: a thread, a set, and a stream's two ends.
  expect(calls).toBeLessThan(limits.maxMemoryBytes / 4_096);
});

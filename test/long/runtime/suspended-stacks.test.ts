// What a store leaves that ends while a task of it is suspended: nothing, neither its memory nor the stack.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, it } from 'vitest';
import { createRuntime } from '../../../src/index.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const MEMORY_BYTES = 160 * 65_536;
const CALLS = 300;
/** What may be kept after all calls: the memories of a few stores that the collector has not looked at yet. */
const MOST_KEPT = 15;

/** Fills its memory, answers, and waits then for what never comes. */
const WAITS = `(component
  (core module $Memory (memory (export "memory") 160))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $return (canon task.return (result u32)))
  (core func $new (canon waitable-set.new))
  (core func $wait (canon waitable-set.wait (memory $mem)))
  (core module $M (import "" "memory" (memory 160))
    (import "" "return" (func $return (param i32))) (import "" "new" (func $new (result i32)))
    (import "" "wait" (func $wait (param i32 i32) (result i32)))
    (func (export "f") (param $n i32)
      (memory.fill (i32.const 0) (i32.const 1) (i32.const ${MEMORY_BYTES}))
      (call $return (local.get $n))
      (drop (call $wait (call $new) (i32.const 0)))))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem)) (export "return" (func $return))
    (export "new" (func $new)) (export "wait" (func $wait))))))
  (func (export "f") async (param "n" u32) (result u32) (canon lift (core func $m "f") async)))`;

async function resident(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().rss;
}

it(`${CALLS} calls with stores of their own, whose tasks never end, keep the memory of less than ${MOST_KEPT}`, async () => {
  await using runtime = await createRuntime({ cache: false });
  const handle = await runtime.load(await parse(WAITS), {
    store: 'per-call',
    limits: { maxExecutionTimeMs: 60_000, maxTurnTimeMs: 600_000 },
  });
  const many = async (calls: number): Promise<void> => {
    for (let n = 0; n < calls; n++) {
      expect(await runtime.call(handle, 'f', n)).toBe(n);
      if (n % 10 === 9) await resident();
    }
  };
  await many(20);
  const before = await resident();
  await many(CALLS);
  expect(((await resident()) - before) / MEMORY_BYTES).toBeLessThan(MOST_KEPT);
});

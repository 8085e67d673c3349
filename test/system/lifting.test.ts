import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { type CallPath, createRuntime } from '../../src/index.ts';

const MANY = 1_500_000;

/** Answers 1.5 million empty lists of u64, or gives them to a host function. */
const LISTS = `(component
  (type $lists (list (list u64)))
  (import "take" (func $take (param "lists" $lists)))
  (core module $libc (memory (export "memory") 200))
  (core instance $libc (instantiate $libc))
  (core func $take (canon lower (func $take) (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 200))
    (import "host" "take" (func $take (param i32 i32)))
    (func (export "answer") (result i32)
      (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const ${MANY})) (i32.const 16))
    (func (export "give") (call $take (i32.const 1024) (i32.const ${MANY}))))
  (core instance $m (instantiate $m
    (with "libc" (instance $libc)) (with "host" (instance (export "take" (func $take))))))
  (func (export "answer") (result $lists) (canon lift (core func $m "answer") (memory (core memory $libc "memory"))))
  (func (export "give") (canon lift (core func $m "give"))))`
  .replaceAll('(list (list u64))', '(list $inner)')
  .replace('(component', '(component (type $inner (list u64))');

describe.each<CallPath>(['direct', 'glue'])('1.5 million empty lists, called through %s', (calls) => {
  it.each(['answer', 'give'])('end with the limit of memory, at once: %s', async (name) => {
    await using runtime = await createRuntime({ calls, limits: { maxExecutionTimeMs: 10_000 } });
    const handle = await runtime.load(await parse(LISTS), { imports: { take: { default: () => {} } } });
    const before = process.cpuUsage();
    await expect(runtime.call(handle, name)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringMatching(/whole memory/),
    });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(3_000);
  });

  it.each(['answer', 'give'])('end with the limit of time where memory is large: %s', async (name) => {
    await using runtime = await createRuntime({ calls });
    const limits = { maxExecutionTimeMs: 150, maxMemoryBytes: 700 * 2 ** 20 };
    const handle = await runtime.load(await parse(LISTS), { limits, imports: { take: { default: () => {} } } });
    const before = process.cpuUsage();
    await expect(runtime.call(handle, name)).rejects.toMatchObject({ code: 'METERING_DEADLINE' });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(1_000);
  });
});

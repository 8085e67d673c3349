import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallPath, createRuntime, type Runtime } from '../../src/index.ts';
import { encodeCallPlan } from '../../src/runtime/direct/call-plan.ts';
import { planCalls } from '../../src/runtime/planning/plan.ts';
import { plain } from '../../tools/components/actor-wat.ts';

const times = (count: number, text: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ');

/** A component that instantiates one core module many times, and exports `run` of the first. */
function repeated(instances: number, module: string): Promise<Uint8Array> {
  return parse(`(component
    (core module $m ${module} (func (export "run") (param i32) (result i32) (local.get 0)))
    ${times(instances, (n) => `(core instance $i${n} (instantiate $m))`)}
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i0 "run"))))`);
}
const exporting = (instances: number, exports: number): Promise<Uint8Array> =>
  repeated(instances, `(func $f) ${times(exports, (n) => `(export "e${n}" (func $f))`)}`);

/** Processor time in milliseconds that this process spends on something. */
async function spent(act: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

describe.each<CallPath>(['direct', 'glue'])('what instantiation makes, called through %s', (calls) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({
      calls,
      cache: false,
      limits: { maxExecutionTimeMs: 100, maxStartTimeMs: 100, maxFuel: 1_000n },
    });
    const first = await runtime.load(await plain('', '(local.get 0)'));
    await runtime.call(first, 'run', 1);
  });
  afterAll(() => runtime.close());

  it.each([
    ['100 core instances of 10,000 exports', 100, 10_000],
    ['900 core instances of 20,000 exports', 900, 20_000],
  ])('is refused before anything runs: %s', async (_, instances, exports) => {
    const bytes = await exporting(instances, exports);
    const cost = await spent(() =>
      expect(runtime.load(bytes)).rejects.toMatchObject({
        code: 'RUNTIME_INVALID_COMPONENT',
        message: expect.stringContaining('at most 100000 are allowed'),
      }),
    );
    expect(cost).toBeLessThan(1_000);
  });

  it('is memory of the store: nine instances of 10,000 exports need some 40 MiB', async () => {
    const bytes = await exporting(9, 10_000);
    const limits = { maxMemoryBytes: 8 * 2 ** 20, maxExecutionTimeMs: 10_000, maxStartTimeMs: 10_000 };
    await expect(runtime.load(bytes, { limits })).rejects.toMatchObject({ code: 'METERING_MEMORY' });
    const handle = await runtime.load(bytes, { limits: { maxExecutionTimeMs: 10_000, maxStartTimeMs: 10_000 } });
    expect(runtime.usage(handle).memoryBytes).toBeGreaterThan(9 * 10_000 * 400);
    await runtime.unload(handle);
  });

  it('is time of the load: the clock is looked at between core instances', async () => {
    const bytes = await repeated(
      90,
      times(1_000, (n) => `(func (export "e${n}"))`),
    );
    const limits = { maxStartTimeMs: 2, maxMemoryBytes: 2 ** 30 };
    await expect(runtime.load(bytes, { limits })).rejects.toMatchObject({ code: 'METERING_DEADLINE' });
  });

  it('is nothing that an ordinary component notices', async () => {
    const handle = await runtime.load(await plain('(memory 1)', '(local.get 0)'), {
      limits: { maxMemoryBytes: 65_536 },
    });
    expect(runtime.usage(handle).memoryBytes).toBe(65_536);
    await runtime.unload(handle);
  });

  it('has at most a hundred memories in one component: 16,240 empty ones leave room for the next load', async () => {
    const bytes = await repeated(16_240, '(memory 0)');
    for (let i = 0; i < 3; i++) {
      await expect(runtime.load(bytes)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT' });
    }
    const handle = await runtime.load(await plain('(memory 1)', '(local.get 0)'));
    expect(await runtime.call(handle, 'run', 7)).toBe(7);
    await runtime.unload(handle);
  });
});

describe('memories of a runtime', () => {
  it('are counted, and given back when a component is unloaded or does not start', async () => {
    await using runtime = await createRuntime({ cache: false, maxTotalMemories: 5 });
    const two = await repeated(2, '(memory 0)');
    const trapping = await plain('(memory 0) (func $f unreachable) (start $f)', '(local.get 0)');
    const [first] = [await runtime.load(two), await runtime.load(two)];
    for (let i = 0; i < 3; i++) {
      await expect(runtime.load(trapping)).rejects.toMatchObject({ code: 'RUNTIME_INSTANTIATION_FAILED' });
      await expect(runtime.load(two)).rejects.toMatchObject({
        code: 'METERING_MEMORY',
        message: expect.stringContaining('maxTotalMemories'),
      });
    }
    await runtime.unload(first);
    await runtime.load(two);
  });

  it('do not run out, however many components come and go', async () => {
    await using runtime = await createRuntime({ cache: false });
    const bytes = await repeated(100, '(memory 0)');
    // Far more than the 16,384 that V8 has room for.
    for (let i = 0; i < 180; i++) await runtime.unload(await runtime.load(bytes));
  });
});

it('keeps a plan in proportion to the file, however often a long name is given', async () => {
  const name = (n: number): string => `${'n'.repeat(1_000)}${n}`;
  const component = (instances: number): Promise<Uint8Array> =>
    parse(`(component
      (core module $a ${times(20, (n) => `(func (export "${name(n)}"))`)} (func (export "run") (param i32) (result i32) (local.get 0)))
      (core instance $a (instantiate $a))
      (core instance $list ${times(20, (n) => `(export "${name(n)}" (func $a "${name(n)}"))`)})
      (core module $m)
      ${times(instances, () => '(core instance (instantiate $m (with "list" (instance $list))))')}
      (func (export "run") (param "n" u32) (result u32) (canon lift (core func $a "run"))))`);
  const size = async (instances: number): Promise<number> =>
    encodeCallPlan(planCalls(await component(instances))).length;
  expect((await size(1_001)) - (await size(1))).toBeLessThan(1_000 * 200);
});

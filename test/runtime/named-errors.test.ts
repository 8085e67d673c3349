import { readFile, writeFile } from 'node:fs/promises';
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type ResourceLimits, type Runtime } from '../../src/index.ts';
import { plain } from '../../tools/components/actor-wat.ts';
import { viv } from '../cli/viv.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const WORLD = `package test:strays@1.0.0;
world strays {
  export spin: func(turns: u32) -> u32;
  export recurse: func(depth: u32) -> u32;
  export grow: func(pages: u32) -> u32;
  export hoard: func(pages: u32) -> u32;
}`;
const REFUSED = 0xffff_ffff;

let component: Uint8Array;
beforeAll(async () => {
  const binary = await readFile('test/fixtures/guests/strays.wasm');
  component = await componentNew(await componentEmbed({ binary, witSource: WORLD, world: 'strays' }), []);
});

describe.each(['direct', 'glue'] as const)('a component that clang made, called by the way %s', (calls) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ calls, limits: { maxExecutionTimeMs: 5_000 } });
  });
  afterAll(() => runtime.close());
  const load = (limits: ResourceLimits): Promise<ComponentHandle> => runtime.load(component, { limits });

  it.each<[string, ResourceLimits, string, string]>([
    ['spin', { maxFuel: 1_000_000n }, 'METERING_OUT_OF_FUEL', 'turn_for_long'],
    ['spin', { maxExecutionTimeMs: 20 }, 'METERING_DEADLINE', 'turn_for_long'],
    ['recurse', {}, 'METERING_STACK', 'descend'],
  ])('%s ends under %o as %s in the function that ran', async (name, limits, code, running) => {
    const handle = await load(limits);
    await expect(runtime.call(handle, name, 0xffff_fff0)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`in function ${running}`),
      details: expect.objectContaining({ function: running }),
    });
    expect(runtime.state(handle)).toBe('failed');
    await runtime.unload(handle);
  });

  it('is told which pages it does not get, and usage counts them', async () => {
    const handle = await load({ maxMemoryBytes: 5 * 65_536 });
    const { memoryBytes } = runtime.usage(handle);
    // A table of one entry lies beside the pages.
    expect(await runtime.call(handle, 'grow', 1)).toBe(Math.floor(memoryBytes / 65_536));
    expect(runtime.usage(handle)).toMatchObject({ memoryBytes: memoryBytes + 65_536, refusedGrowths: 0 });
    expect(await runtime.call(handle, 'grow', 5)).toBe(REFUSED);
    expect(await runtime.call(handle, 'grow', 65_536)).toBe(REFUSED);
    expect(runtime.usage(handle)).toMatchObject({ memoryBytes: memoryBytes + 65_536, refusedGrowths: 2 });
    await runtime.unload(handle);
  });

  it('fails with how often it was refused when it cannot do without', async () => {
    const handle = await load({ maxMemoryBytes: 3 * 65_536 });
    await expect(runtime.call(handle, 'hoard', 1)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringContaining('refused more memory 1 times'),
    });
    await runtime.unload(handle);
  });

  it('does not load where its memory would begin too large', async () => {
    await expect(load({ maxMemoryBytes: 65_535 })).rejects.toMatchObject({ code: 'METERING_MEMORY' });
  });

  it('names the function that allocates objects past the limit, where it has a name', async () => {
    const hoards = await plain(
      `(type $block (array (mut i64))) (global $kept (mut (ref null $block)) (ref.null $block))
       (func $keep_more (global.set $kept (array.new_default $block (i32.const 100000))))`,
      '(loop $l (call $keep_more) (br $l)) (i32.const 0)',
    );
    const handle = await runtime.load(hoards, { limits: { maxMemoryBytes: 2 ** 21 } });
    await expect(runtime.call(handle, 'run', 1)).rejects.toMatchObject({
      code: 'METERING_MEMORY',
      message: expect.stringMatching(/in function (m\.)?keep_more$/),
    });
    await runtime.unload(handle);
  });
});

describe('viv', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let path: string;
  beforeAll(async () => {
    folder = temporaryFolder();
    path = folder.at('strays.wasm');
    await writeFile(path, component);
  });
  afterAll(() => folder[Symbol.dispose]());

  it('explains a component that clang made, function by function', async () => {
    const { code, objects } = await viv(['meter', path, '--explain', '--json']);
    expect(code).toBe(0);
    const [{ functions }] = objects[0]!.modules as [{ functions: Record<string, unknown>[] }];
    const named = new Map(functions.map((one) => [one.name, one]));
    expect(named.get('turn_for_long')).toMatchObject({ convention: 'register', checks: expect.any(Number) });
    expect(named.get('turn_for_long')!.checks).toBeGreaterThan(0);
    expect(named.get('descend')).toMatchObject({ checksOnEntry: true });
    expect((await viv(['meter', path, '--explain'])).out).toMatch(/ {2}turn_for_long +cost \d+, register/);
  });

  it('prints what a call of it cost, and which function ran when it was stopped', async () => {
    const done = await viv(['call', path, 'spin', '[1000]', '--json']);
    expect(done.objects[0]).toMatchObject({ fuelConsumed: expect.stringMatching(/^\d{4,}$/) });
    const stopped = await viv(['call', path, 'spin', '[1000]', '--fuel', '1000', '--json']);
    expect(stopped).toMatchObject({ code: 1, objects: [{ error: { code: 'METERING_OUT_OF_FUEL' } }] });
    expect(JSON.stringify(stopped.objects)).toContain('in function turn_for_long');
    const { fuelConsumed } = done.objects[0] as { fuelConsumed: string };
    expect((await viv(['call', path, 'spin', '[1000]', '--fuel', fuelConsumed])).code).toBe(0);
    expect((await viv(['call', path, 'spin', '[1000]', '--fuel', String(BigInt(fuelConsumed) - 1n)])).code).toBe(1);
  });
});

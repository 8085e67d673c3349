import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor } from '../../tools/components/actor-wat.ts';
import { viv } from './viv.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-meter-'));
  await writeFile(join(folder, 'actor.wasm'), await actor());
});
afterAll(() => rm(folder, { recursive: true }));

describe('viv meter', () => {
  it.each(['tools/kernels/fib.wasm', 'actor.wasm'])('writes %s metered, and refuses to do it twice', async (name) => {
    const input = name.includes('/') ? name : join(folder, name);
    const output = join(folder, 'out.wasm');
    const { code, objects } = await viv(['meter', input, '-o', output, '--json']);
    expect(code).toBe(0);
    const written = await readFile(output);
    expect(objects[0]).toMatchObject({
      mode: 'fuel',
      bytes: (await readFile(input)).length,
      meteredBytes: written.length,
    });
    expect(await viv(['meter', output, '-o', output, '--json'])).toMatchObject({
      code: 4,
      objects: [{ error: { code: 'METERING_ALREADY_METERED' } }],
    });
  });

  it('explains functions, the dearest first', async () => {
    const { objects, out } = await viv(['meter', join(folder, 'actor.wasm'), '--explain', '--json']);
    const [{ functions }] = objects[0]!.modules as [{ functions: { staticCost: number }[] }];
    const costs = functions.map(({ staticCost }) => staticCost);
    expect(costs).toEqual(costs.toSorted((a, b) => b - a));
    expect(out).not.toBe('');
    expect((await viv(['meter', 'tools/kernels/fib.wasm', '--explain'])).out).toContain('units at startup');
  });

  it('wants to know what to do', async () => {
    expect((await viv(['meter', 'tools/kernels/fib.wasm'])).code).toBe(2);
    expect((await viv(['meter', join(folder, 'none.wasm'), '--explain'])).code).toBe(3);
  });
});

import { createHash } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ModuleRecord } from '#core/ports/registry';
import { createRuntime, type RuntimeOptions } from '../../src/index.ts';
import { actor, plain } from '../../tools/components/actor-wat.ts';
import { viv } from '../cli/viv.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MOST = 1_000;
const ID = { namespace: 'demo', name: 'big', instance: '1' };

let folder: ReturnType<typeof temporaryFolder>;
let small: Uint8Array;
let large: Uint8Array;
beforeAll(async () => {
  folder = temporaryFolder();
  small = await plain('', '(local.get 0)');
  large = await plain(`(memory 1) (data (i32.const 0) "${'x'.repeat(MOST)}")`, '(local.get 0)');
  expect(small.length).toBeLessThan(MOST);
  await mkdir(folder.at('demo/big'), { recursive: true });
  for (const [name, bytes] of Object.entries({ small, large })) writeFileSync(folder.at(`${name}.wasm`), bytes);
  writeFileSync(folder.at('demo/big/1.wasm'), large);
  // A hole: it takes no room.
  writeFileSync(folder.at('actor.wasm'), await actor());
  writeFileSync(folder.at('huge.wasm'), small);
  truncateSync(folder.at('huge.wasm'), 300e6);
});
afterAll(() => folder[Symbol.dispose]());

const refused = (most: number): object => ({
  code: 'RUNTIME_INVALID_COMPONENT',
  message: expect.stringContaining(`is larger than ${most} bytes`),
  details: { maxComponentBytes: most },
});

describe('the largest component', () => {
  const give = (bytes: Uint8Array): RuntimeOptions['overrides'] => ({
    loader: { loadBytes: async () => bytes },
    registry: { fetch: async () => ({ bytes, record: {} as ModuleRecord }) },
  });

  it.each<[string, Parameters<Awaited<ReturnType<typeof createRuntime>>['load']>[0] | (() => string | URL), boolean]>([
    ['a path', () => folder.at('large.wasm'), false],
    ['a file: URL', () => pathToFileURL(folder.at('large.wasm')), false],
    ['an id in a folder', ID, false],
    ['an id of a loader', ID, true],
    ['the registry', 'registry:sha256:0', true],
  ])('is the same for %s', async (_, source, isGiven) => {
    await using runtime = await createRuntime({
      cache: false,
      maxComponentBytes: MOST,
      components: folder.at(''),
      ...(isGiven && { overrides: give(large) as NonNullable<RuntimeOptions['overrides']> }),
    });
    const given = typeof source === 'function' ? source() : source;
    await expect(runtime.load(given)).rejects.toMatchObject(refused(MOST));
  });

  it('is the same for bytes, and is counted in bytes that are there', async () => {
    await using runtime = await createRuntime({ cache: false, maxComponentBytes: small.length });
    await expect(runtime.load(large)).rejects.toMatchObject(refused(small.length));
    const handle = await runtime.load(small);
    expect(await runtime.call(handle, 'run', 7)).toBe(7);
  });

  it('is the same for what a server sends, and for what it says that it will send', async () => {
    const digest = createHash('sha256').update(large).digest('hex');
    const fetch = vi.spyOn(globalThis, 'fetch');
    for (const headers of [[], [['content-length', String(large.length)]]] as [string, string][][]) {
      fetch.mockResolvedValueOnce(new Response(Uint8Array.from(large), { headers }));
      await using runtime = await createRuntime({ cache: false, maxComponentBytes: MOST });
      await expect(runtime.load(`https://example.com/c.wasm#sha256=${digest}`)).rejects.toMatchObject(refused(MOST));
    }
    fetch.mockRestore();
  });

  it('has 64 MiB when nobody says otherwise', async () => {
    await using runtime = await createRuntime({ cache: false });
    await expect(runtime.load(new Uint8Array(300e6))).rejects.toMatchObject(refused(64 * 2 ** 20));
    await expect(runtime.load(new Uint8Array(64 * 2 ** 20 + 1))).rejects.toMatchObject(refused(64 * 2 ** 20));
    await expect(runtime.load(folder.at('huge.wasm'))).rejects.toMatchObject(refused(64 * 2 ** 20));
  });

  it.each([
    ['run', ['--message', 'a']],
    ['call', ['run', '[1]']],
    ['inspect', []],
    ['meter', ['--explain']],
  ])('is the same for viv %s, which --max-component raises', async (command, rest) => {
    const [file, ...more] = [folder.at('large.wasm'), ...rest];
    const read = (size: string, path = file): ReturnType<typeof viv> =>
      viv([command, path as string, ...more, '--max-component', size, '--json']);
    const tooLarge = await read('1000');
    expect(tooLarge.code).not.toBe(0);
    expect(JSON.stringify(tooLarge.objects)).toContain('RUNTIME_INVALID_COMPONENT');
    expect(JSON.stringify(tooLarge.objects)).toContain('is larger than 1000 bytes');
    expect(JSON.stringify((await read('1MiB')).objects)).not.toContain('is larger than');
    expect(JSON.stringify((await viv([command, folder.at('huge.wasm'), ...more, '--json'])).objects)).toContain(
      'is larger than 67108864 bytes',
    );
  });

  it('is not for messages, of which a file may have as much', async () => {
    const { code, objects } = await viv(['run', folder.at('actor.wasm'), '-f', folder.at('huge.wasm'), '--json']);
    expect(code).toBe(2);
    expect(JSON.stringify(objects)).toContain('more than 67108864');
  });
});

// `load({ digest })`: the bytes are read where nothing was made of them yet, and have that digest or are not loaded.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRuntime, type RuntimeOptions } from '../../src/index.ts';
import { componentOf } from '../../tools/components/actor-wat.ts';

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const adder = (n: number): Promise<Uint8Array> =>
  componentOf(
    `(module (memory (export "memory") 1)
       (func (export "add-some") (param i32) (result i32) (i32.add (local.get 0) (i32.const ${n}))))`,
    'package test:adder; world guest { export add-some: func(n: u32) -> u32; }',
    'guest',
  );

let one: Uint8Array;
let two: Uint8Array;
let folder: string;
let file: string;
beforeAll(async () => {
  [one, two] = [await adder(1), await adder(2)];
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-digest-'));
  file = join(folder, 'adder.wasm');
  await writeFile(file, one);
});
afterEach(() => rm(folder, { recursive: true }));

const options = (): RuntimeOptions => ({ cache: { root: join(folder, 'cache') }, home: join(folder, 'home') });

describe('a component that is named by its digest', () => {
  it('is read on a miss only: from memory, and from disk in another runtime, it comes without its file', async () => {
    const digest = digestOf(one);
    {
      await using runtime = await createRuntime(options());
      const first = await runtime.load(file, { digest });
      await unlink(file);
      const second = await runtime.load(file, { digest });
      expect([await runtime.call(first, 'add-some', 1), await runtime.call(second, 'add-some', 1)]).toEqual([2, 2]);
    }
    await using later = await createRuntime(options());
    const handle = await later.load(new URL('https://127.0.0.1:1/gone.wasm'), { digest });
    expect(await later.call(handle, 'add-some', 40)).toBe(41);
    await expect(later.load(file)).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
    await expect(later.load(file, { digest: digestOf(two) })).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
  });

  it('asks no loader and no registry on a hit', async () => {
    const asked: string[] = [];
    const digest = digestOf(one);
    await using runtime = await createRuntime({
      ...options(),
      overrides: {
        loader: {
          loadBytes: async ({ name }) => {
            asked.push(name);
            return one;
          },
        },
        registry: {
          fetch: async (id) => {
            asked.push(id);
            return { record: { keyId: 'a key' } as never, bytes: one };
          },
        },
      },
    });
    await runtime.load({ namespace: 'demo', name: 'adder', instance: '1' }, { digest, id: 'a/b/1' });
    expect(asked).toEqual(['adder']);
    await runtime.load({ namespace: 'demo', name: 'adder', instance: '1' }, { digest, id: 'a/b/2' });
    await runtime.load('registry:adder', { digest, id: 'a/b/3' });
    expect(asked).toEqual(['adder']);
    await runtime.load('registry:adder', { id: 'a/b/4' });
    expect(asked).toEqual(['adder', 'adder']);
  });

  it('tells its digest and its signers to the policy, whether it is read or not', async () => {
    const facts: unknown[] = [];
    const digest = digestOf(one);
    await using runtime = await createRuntime({
      ...options(),
      policy: (given) => {
        facts.push(given);
        return [];
      },
      overrides: { registry: { fetch: async () => ({ record: { keyId: 'ada' } as never, bytes: one }) } },
    });
    for (const id of ['a/b/1', 'a/b/2']) await runtime.load('registry:adder', { digest, id });
    expect(facts).toEqual(['a/b/1', 'a/b/2'].map((component) => ({ component, digest, signers: ['ada'] })));
  });

  it('is refused when it has another digest, whatever it comes from, and spoils nothing', async () => {
    await using runtime = await createRuntime(options());
    const digest = digestOf(two);
    const refused = { code: 'CACHE_DIGEST_MISMATCH', details: { digest: digestOf(one), wanted: digest } };
    const url = `https://127.0.0.1:1/adder.wasm#${digestOf(one).replace(':', '=')}`;
    for (const source of [file, one, Buffer.from(one), url, new URL(url)]) {
      await expect(runtime.load(source, { digest })).rejects.toMatchObject(refused);
    }
    const handle = await runtime.load(two, { digest });
    expect(await runtime.call(handle, 'add-some', 1)).toBe(3);
    // With the artifact at hand, bytes that are no such component are not taken for it.
    await expect(runtime.load(one, { digest })).rejects.toMatchObject(refused);
  });

  it.each(['', 'sha256:', `sha256:${'A'.repeat(64)}`, `sha256:${'a'.repeat(63)}`, `${'a'.repeat(64)}`, 7])(
    'is refused for %j, which is no digest',
    async (digest) => {
      await using runtime = await createRuntime({ cache: false });
      await expect(runtime.load(file, { digest: digest as string })).rejects.toMatchObject({
        code: 'CORE_INVALID_OPTION',
        message: expect.stringContaining('digest'),
      });
    },
  );
});

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseComponentId } from '#core';
import { ChainComponentLoader, FileComponentLoader, fetchComponent, MemoryComponentLoader } from '#runtime/loaders';

let folder: string;
const id = parseComponentId('demo/counter/1');
const bytes = Buffer.from('some bytes');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-loaders-'));
  await mkdir(join(folder, 'base/demo/counter'), { recursive: true });
  await writeFile(join(folder, 'base/demo/counter/1.wasm'), bytes);
  await writeFile(join(folder, 'outside.wasm'), 'secret');
  await symlink(join(folder, 'outside.wasm'), join(folder, 'base/demo/counter/link.wasm'));
  await mkdir(join(folder, 'elsewhere/counter'), { recursive: true });
  await writeFile(join(folder, 'elsewhere/counter/1.wasm'), 'secret');
  await symlink(join(folder, 'elsewhere'), join(folder, 'base/linked'));
  await mkdir(join(folder, 'base/demo/counter/folder.wasm'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('file loader', () => {
  const loader = (): FileComponentLoader => new FileComponentLoader(join(folder, 'base'));

  it('reads <base>/<namespace>/<name>/<instance>.wasm', async () => {
    expect(await loader().loadBytes(id)).toEqual(bytes);
  });

  it('does not have what is not there', async () => {
    expect(await loader().loadBytes(parseComponentId('demo/counter/2'))).toBeUndefined();
    expect(await new FileComponentLoader(join(folder, 'nowhere')).loadBytes(id)).toBeUndefined();
  });

  it('never leaves its base by a link, of the file or of a folder', async () => {
    const refusal = expect.objectContaining({ code: 'RUNTIME_NOT_FOUND', message: expect.stringContaining('leaves') });
    await expect(loader().loadBytes(parseComponentId('demo/counter/link'))).rejects.toEqual(refusal);
    await expect(loader().loadBytes(parseComponentId('linked/counter/1'))).rejects.toEqual(refusal);
  });

  it('never leaves its base by an id made by hand', async () => {
    const forged = { namespace: '..', name: '..', instance: 'etc' };
    await expect(loader().loadBytes(forged)).rejects.toMatchObject({ code: 'CORE_INVALID_ID' });
  });

  it('reads regular files only', async () => {
    await expect(loader().loadBytes(parseComponentId('demo/counter/folder'))).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
    });
  });

  it('ends with the signal', async () => {
    await expect(loader().loadBytes(id, AbortSignal.abort())).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
  });
});

describe('memory loader and chain', () => {
  it.each([Uint8Array.of(1, 2, 3), Buffer.from([1, 2, 3])])('keeps bytes of its own: %o', async (mine) => {
    const loader = new MemoryComponentLoader().add(id, mine);
    mine[0] = 9;
    expect(await loader.loadBytes(id)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('asks one after the other', async () => {
    const second = new MemoryComponentLoader().add(id, Uint8Array.of(2));
    const chain = new ChainComponentLoader([new MemoryComponentLoader(), second]);
    expect(await chain.loadBytes(id)).toEqual(Uint8Array.of(2));
    expect(await chain.loadBytes(parseComponentId('a/b/c'))).toBeUndefined();
  });
});

describe('fetching a component', () => {
  const digest = createHash('sha256').update(bytes).digest('hex');
  const answers =
    (body: BodyInit | null, status = 200): typeof fetch =>
    async () =>
      new Response(body, { status });

  it('takes what has the digest', async () => {
    const url = new URL(`https://host.example/c.wasm#sha256=${digest}`);
    expect(await fetchComponent(url, { fetch: answers(bytes) })).toEqual(bytes);
  });

  it.each([
    ['no digest', 'https://host.example/c.wasm', 'needs a digest'],
    ['a short digest', 'https://host.example/c.wasm#sha256=abc', 'needs a digest'],
    ['plain http', `http://host.example/c.wasm#sha256=${digest}`, 'needs a digest'],
    ['other bytes', `https://host.example/c.wasm#sha256=${'0'.repeat(64)}`, 'not the one asked for'],
  ])('refuses %s', async (_, url, message) => {
    await expect(fetchComponent(new URL(url), { fetch: answers(bytes) })).rejects.toMatchObject({
      code: 'RUNTIME_FETCH_FAILED',
      message: expect.stringContaining(message),
    });
  });

  it('stops at the size cap, however much is sent', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(1024));
      },
    });
    const url = new URL(`https://host.example/c.wasm#sha256=${digest}`);
    await expect(fetchComponent(url, { fetch: answers(endless), maxBytes: 10_000 })).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
      message: expect.stringContaining('larger than 10000'),
    });
    expect(sent).toBeLessThan(30);
  });

  it('tells a failing server', async () => {
    const url = new URL(`https://host.example/c.wasm#sha256=${digest}`);
    await expect(fetchComponent(url, { fetch: answers('no', 503) })).rejects.toMatchObject({
      message: expect.stringContaining('503'),
    });
  });

  it('does not print what the URL holds besides host and path', async () => {
    const url = new URL('https://user:secret@host.example/c.wasm?token=secret');
    await expect(fetchComponent(url)).rejects.toMatchObject({ message: expect.not.stringContaining('secret') });
  });
});

import { execFileSync, spawn } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blake3 } from '../../../src/bundle/blake3.ts';
import { chunkPath } from '../../../src/bundle/chunks/chunk-path.ts';
import { ChunkStore } from '../../../src/bundle/chunks/chunk-store.ts';
import { ChunkWriter } from '../../../src/bundle/chunks/chunk-writer.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

async function withChunk(folder: string, text: string): Promise<{ hash: string; path: string }> {
  const writer = new ChunkWriter(folder);
  const { hash } = await writer.put(bytes(text));
  await writer.flush();
  return { hash, path: chunkPath(folder, hash) };
}

async function all(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

describe('chunk store', () => {
  it('keeps chunks under their hash, in objects/<two>/<sixty-two>', async () => {
    using folder = temporaryFolder();
    const { hash } = await withChunk(folder.path, 'hello');
    expect(hash).toBe(await blake3(bytes('hello')));
    expect(readFileSync(folder.at('objects', hash.slice(0, 2), hash.slice(2)), 'utf8')).toBe('hello');
    expect(await new ChunkStore(folder.path).read(hash)).toEqual(Buffer.from('hello'));
  });

  it('gives back what was put, whole or in pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), async (pieces) => {
        using folder = temporaryFolder();
        const writer = new ChunkWriter(folder.path);
        const { hash, added } = await writer.putStream(pieces);
        const again = await writer.put(Buffer.concat(pieces));
        await writer.flush();
        expect({ added, again: again.added, hash }).toEqual({ added: true, again: false, hash: again.hash });
        const store = new ChunkStore(folder.path);
        expect(await store.read(hash)).toEqual(Buffer.concat(pieces));
        expect(Buffer.concat(await all(store.stream(hash)))).toEqual(Buffer.concat(pieces));
        expect(readdirSync(folder.at('objects'))).toEqual([hash.slice(0, 2)]);
      }),
      { numRuns: 30 },
    );
  });

  it('shows nothing before it is flushed, and nothing of what was abandoned', async () => {
    using folder = temporaryFolder();
    const writer = new ChunkWriter(folder.path);
    const { hash } = await writer.put(bytes('later'));
    expect(new ChunkStore(folder.path).has(hash)).toBe(false);
    await writer.abandon();
    expect(readdirSync(folder.at('objects'))).toEqual([]);
  });

  it('leaves a right chunk alone', async () => {
    using folder = temporaryFolder();
    const { path } = await withChunk(folder.path, 'same');
    utimesSync(path, 1, 1);
    await withChunk(folder.path, 'same');
    expect(statSync(path).mtimeMs).toBe(1000);
  });

  it.each([
    ['tampered', (path: string) => writeFileSync(path, 'hellO')],
    ['truncated', (path: string) => truncateSync(path, 2)],
    ['empty', (path: string) => truncateSync(path, 0)],
    ['longer', (path: string) => writeFileSync(path, 'hello!')],
  ])('refuses a %s chunk, when it is read and when it is put again', async (_, damage) => {
    using folder = temporaryFolder();
    const { hash, path } = await withChunk(folder.path, 'hello');
    damage(path);
    const store = new ChunkStore(folder.path);
    const corrupt = expect.objectContaining({ code: 'BUNDLE_CHUNK_CORRUPT' });
    await expect(store.read(hash)).rejects.toEqual(corrupt);
    await expect(all(store.stream(hash))).rejects.toEqual(corrupt);
    await expect(new ChunkWriter(folder.path).put(bytes('hello'))).rejects.toEqual(corrupt);
    expect(await store.check(hash)).toBe('corrupt');
  });

  it('refuses a chunk that is a link, a folder or a pipe', async () => {
    using folder = temporaryFolder();
    const store = new ChunkStore(folder.path);
    const hash = await blake3(bytes('target'));
    const path = chunkPath(folder.path, hash);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(folder.at('target'), 'target');
    symlinkSync(folder.at('target'), path);
    expect(await store.check(hash)).toBe('corrupt');
    const folderHash = 'cd'.repeat(32);
    mkdirSync(chunkPath(folder.path, folderHash), { recursive: true });
    expect(await store.check(folderHash)).toBe('corrupt');
    const pipeHash = 'ef'.repeat(32);
    mkdirSync(join(chunkPath(folder.path, pipeHash), '..'), { recursive: true });
    execFileSync('mkfifo', [chunkPath(folder.path, pipeHash)]);
    expect(await store.check(pipeHash)).toBe('corrupt');
  });

  it('tells a missing chunk from a wrong one', async () => {
    using folder = temporaryFolder();
    const store = new ChunkStore(folder.path);
    expect(await store.check('00'.repeat(32))).toBe('missing');
    await expect(store.read('00'.repeat(32))).rejects.toMatchObject({ code: 'BUNDLE_CHUNK_MISSING' });
  });

  it('takes no more bytes than expected, and keeps nothing of them', async () => {
    using folder = temporaryFolder();
    const writer = new ChunkWriter(folder.path);
    const endless = (function* () {
      for (;;) yield new Uint8Array(1000);
    })();
    const expected = { hash: 'ab'.repeat(32), limit: 10_000 };
    await expect(writer.putStream(endless, expected)).rejects.toMatchObject({ code: 'BUNDLE_CHUNK_CORRUPT' });
    expect(readdirSync(folder.at('objects'))).toEqual([]);
  });

  it('flushes many chunks at once and keeps them all', async () => {
    using folder = temporaryFolder();
    const writer = new ChunkWriter(folder.path);
    const hashes = [];
    for (let index = 0; index < 1_100; index++) hashes.push((await writer.put(bytes(`chunk ${index}`))).hash);
    await writer.flush();
    const store = new ChunkStore(folder.path);
    for (const hash of hashes) expect(await store.check(hash)).toBe('right');
    expect(readdirSync(folder.at('objects')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('sweeps what a killed writer left, once it is a day old', async () => {
    using folder = temporaryFolder();
    const writer = new ChunkWriter(folder.path);
    await writer.put(bytes('left behind'));
    const store = new ChunkStore(folder.path);
    const clock = new TestClock(Date.now());
    expect(await store.sweep(clock)).toBe(0);
    clock.advance(25 * 3_600_000);
    expect(await store.sweep(clock)).toBe(1);
    expect(readdirSync(folder.at('objects'))).toEqual([]);
  });

  it('stands several processes that write the same chunks, some of which are killed', async () => {
    using folder = temporaryFolder();
    const program = `
      import { ChunkWriter } from ${JSON.stringify(new URL('../../../src/bundle/chunks/chunk-writer.ts', import.meta.url).href)};
      const writer = new ChunkWriter(process.argv[1]);
      for (let index = 0; index < 600; index++) {
        await writer.put(Buffer.from('shared ' + index));
        if (index % 50 === 0) await writer.flush();
        if (index === Number(process.argv[2])) process.kill(process.pid, 'SIGKILL');
      }
      await writer.flush();`;
    const exits = await Promise.all(
      ['-1', '-1', '120', '333'].map(
        (killAt) =>
          new Promise<string | number | null>((resolve) => {
            spawn(process.execPath, ['--input-type=module', '-e', program, folder.path, killAt], {
              stdio: 'inherit',
            }).on('exit', (code, signal) => resolve(signal ?? code));
          }),
      ),
    );
    expect(exits).toEqual([0, 0, 'SIGKILL', 'SIGKILL']);
    const store = new ChunkStore(folder.path);
    for (let index = 0; index < 600; index++) {
      expect(await store.check(await blake3(bytes(`shared ${index}`)))).toBe('right');
    }
  });
});

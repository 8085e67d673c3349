// What wasmtime's own programs ask of files in WASI 0.3 (`p3_filesystem_file_read_write`, `p3_file_write`, `p3_readdir`): streams, the
// futures beside them, and which of the two tells an error.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HostStream } from '../../../src/runtime/host/host-streams.ts';
import type { HostCalls } from '../../support/host-loop/host-calls.ts';
import { HostTurns } from '../../support/host-turns.ts';

const OK = { tag: 'ok', val: undefined };
const BOTH = { read: true, write: true };

let turns: HostTurns;
let h: HostCalls;
let folder: string;
beforeAll(async () => {
  turns = await HostTurns.make();
  h = turns.host;
});
afterAll(() => turns.runtime.close());
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vivarium-files3-'));
  await turns.load({ preopens: { '/data': folder }, grants: ['filesystem:*:/data/**'] });
});
afterEach(async () => {
  await turns.unload();
  rmSync(folder, { recursive: true });
});

const open = (path: string, how: object, flags: object): Promise<object> =>
  turns.later(() => h.on(h.root(3), 'openAt', {}, path, how, flags));
async function read(file: object, name = 'readViaStream', ...args: unknown[]): Promise<[Uint8Array, unknown]> {
  const [stream, ended] = await turns.turn(() => h.on<[HostStream, unknown]>(file, name, ...args));
  return [await turns.collected(stream), await ended];
}
const write = (file: object, bytes: Uint8Array, at: bigint): Promise<unknown> =>
  turns.later(() => h.on(file, 'writeViaStream', turns.writes(bytes).stream, at));

describe('files of WASI 0.3', () => {
  it('are filled with zeros before what is written behind their end', async () => {
    const file = await open('test.txt', { create: true }, BOTH);
    expect(await write(file, Buffer.from('Hello, World!'), 5n)).toEqual(OK);
    expect(await read(file, 'readViaStream', 0n)).toEqual([Buffer.from('\0\0\0\0\0Hello, World!'), OK]);
    expect(await read(file, 'readViaStream', 5n)).toEqual([Buffer.from('Hello, World!'), OK]);
    expect(await read(file, 'readViaStream', 1_000n)).toEqual([Buffer.from(''), OK]);
  });

  it('take a long stream, and are read from any place by another descriptor', async () => {
    const content = Buffer.from(
      Array.from({ length: 4_096 }, (_, n) => `123456789 ${String(n).padStart(5, '0')} `).join(''),
    );
    const written = await open('long.txt', { create: true }, { write: true });
    expect(await write(written, content, 0n)).toEqual(OK);
    expect(await turns.later(() => h.on(written, 'stat'))).toMatchObject({ size: 65_536n });
    const file = await open('long.txt', {}, { read: true });
    for (const at of [0, 100, content.length - 100]) {
      expect(await read(file, 'readViaStream', BigInt(at))).toEqual([content.subarray(at), OK]);
    }
    expect(readFileSync(join(folder, 'long.txt'))).toEqual(content);
  });

  it.each(['writeViaStream', 'appendViaStream'])(
    'that are only read refuse %s by its future, and drop its stream',
    async (name) => {
      await open('there.txt', { create: true }, BOTH);
      const file = await open('there.txt', {}, { read: true });
      const { stream, dropped, taken } = turns.writes(Buffer.from('x'));
      const given = name === 'writeViaStream' ? [stream, 0n] : [stream];
      expect(await turns.failure(() => h.on(file, name, ...given))).toBe('bad-descriptor');
      expect([dropped(), taken()]).toEqual([true, 0]);
    },
  );

  it('that are only written give no byte, and say so by the future', async () => {
    const file = await open('secret.txt', { create: true }, { write: true });
    const [bytes, ended] = await read(file, 'readViaStream', 0n);
    expect([bytes, ended]).toEqual([new Uint8Array(), { tag: 'err', val: { tag: 'bad-descriptor' } }]);
  });

  it.each([
    ['readDirectory', []],
    ['readViaStream', [0n]],
  ])('say by the future where %s is for something else', async (name, args) => {
    const wrong =
      name === 'readDirectory' ? await open('file', { create: true }, BOTH) : await turns.turn(() => h.root(3));
    const [bytes, ended] = await read(wrong, name, ...args);
    expect(bytes).toHaveLength(0);
    expect(ended).toMatchObject({
      tag: 'err',
      val: { tag: expect.stringMatching(/^(not-directory|is-directory|bad-descriptor)$/) },
    });
  });

  it('stay open for their streams when they are dropped', async () => {
    const file = await open('test.txt', { create: true }, BOTH);
    expect(await write(file, Buffer.from('Hello'), 0n)).toEqual(OK);
    const [stream, ended] = await turns.turn(() => h.on<[HostStream, unknown]>(file, 'readViaStream', 0n));
    await turns.turn(() => void Reflect.apply(Reflect.get(file, Symbol.dispose), file, []));
    expect([await turns.collected(stream), await ended]).toEqual([Buffer.from('Hello'), OK]);
  });
});

describe('folders of WASI 0.3', () => {
  interface Entry {
    readonly name: string;
    readonly type: { readonly tag: string };
  }
  /** All entries of a folder, by their names. */
  async function entries(of: object): Promise<readonly Entry[]> {
    const [stream, ended] = await turns.turn(() => h.on<[HostStream, Promise<unknown>]>(of, 'readDirectory'));
    const { source } = stream;
    const found: Entry[] = [];
    await turns.turn(() => {
      for (let some = source.read(100); some !== undefined; some = source.read(100)) found.push(...(some as Entry[]));
      source.close?.();
      stream.ended(undefined);
    });
    expect(await ended).toEqual(OK);
    return found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  it('list nothing, files and folders, and what is in a folder that was opened with no flags', async () => {
    const root = await turns.turn(() => h.root(3));
    expect(await entries(root)).toEqual([]);
    await open('file', { create: true }, BOTH);
    await turns.later(() => h.on(root, 'createDirectoryAt', 'nested'));
    const nested = await open('nested', { directory: true }, {});
    expect(await entries(root)).toEqual([
      { name: 'file', type: { tag: 'regular-file' } },
      { name: 'nested', type: { tag: 'directory' } },
    ]);
    expect(await entries(nested)).toEqual([]);
  });

  it('list a thousand files', async () => {
    const root = await turns.turn(() => h.root(3));
    await turns.turn(() => {
      for (let n = 0; n < 1_000; n++) {
        const file = h.on<Disposable>(root, 'openAt', {}, `file.${n}`, { create: true }, BOTH);
        file[Symbol.dispose]();
      }
    });
    expect(await entries(root)).toHaveLength(1_000);
    await turns.turn(() => {
      for (let n = 0; n < 1_000; n++) h.on(root, 'unlinkFileAt', `file.${n}`);
    });
    expect(await entries(root)).toEqual([]);
  });
});

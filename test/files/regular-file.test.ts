import { execFileSync } from 'node:child_process';
import { appendFileSync, constants, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openRegular,
  openRegularSync,
  readRegular,
  readRegularSync,
  streamRegular,
  TooLargeFile,
  UnusableFile,
} from '#files';
import { temporaryFolder } from '../support/temporary-folder.ts';

const REFUSE = { links: 'refuse' } as const;
const FOLLOW = { links: 'follow' } as const;
const isWindows = process.platform === 'win32';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

async function collected(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe.skipIf(isWindows)('a file that somebody may have placed', () => {
  const fifoBeside = (path: string): string => {
    execFileSync('mkfifo', [`${path}.fifo`]);
    return `${path}.fifo`;
  };

  const PLANTED: readonly [what: string, plant: (path: string) => void][] = [
    ['a FIFO', (path) => execFileSync('mkfifo', [path])],
    ['a link to a FIFO', (path) => symlinkSync(fifoBeside(path), path)],
    ['a link to a device', (path) => symlinkSync('/dev/zero', path)],
    ['a folder', (path) => mkdirSync(path)],
    ['a link to itself', (path) => symlinkSync(path, path)],
  ];

  it.each(PLANTED)('is refused, in every way to open it, when it is %s', async (_, plant) => {
    const path = folder.at('planted');
    plant(path);
    const before = process.platform === 'linux' ? openDescriptors() : 0;
    for (const options of [REFUSE, FOLLOW]) {
      await expect(openRegular(path, options)).rejects.toThrow(UnusableFile);
      await expect(openRegular(path, { ...options, flags: constants.O_RDWR })).rejects.toThrow(UnusableFile);
      await expect(readRegular(path, 10, options)).rejects.toThrow(UnusableFile);
      await expect(streamRegular(path, options).next()).rejects.toThrow(UnusableFile);
      expect(() => openRegularSync(path, options)).toThrow(UnusableFile);
      expect(() => readRegularSync(path, 10, options)).toThrow(UnusableFile);
    }
    if (process.platform === 'linux') expect(openDescriptors()).toBe(before);
  });

  it('is refused when it is a socket', async () => {
    const path = folder.at('socket');
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    await expect(openRegular(path, REFUSE)).rejects.toThrow(UnusableFile);
    await new Promise((resolve) => server.close(resolve));
  });

  it('may be reached by a link only where links are followed', async () => {
    writeFileSync(folder.at('file'), 'text');
    symlinkSync(folder.at('file'), folder.at('link'));
    await expect(readRegular(folder.at('link'), 10, REFUSE)).rejects.toThrow('it is a link');
    expect((await readRegular(folder.at('link'), 10, FOLLOW)).toString()).toBe('text');
  });

  it('is told to be absent as the file system does', async () => {
    await expect(readRegular(folder.at('none'), 10, REFUSE)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(() => readRegularSync(folder.at('none'), 10, REFUSE)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('is read whole when it has as many bytes as it may have, and not with one more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
        const path = folder.at('file');
        writeFileSync(path, bytes);
        expect([...(await readRegular(path, bytes.length, REFUSE))]).toEqual([...bytes]);
        expect([...readRegularSync(path, bytes.length, REFUSE)]).toEqual([...bytes]);
        expect(await collected(streamRegular(path, REFUSE))).toEqual(Buffer.from(bytes));
        if (bytes.length === 0) return;
        await expect(readRegular(path, bytes.length - 1, REFUSE)).rejects.toThrow(TooLargeFile);
        expect(() => readRegularSync(path, bytes.length - 1, REFUSE)).toThrow(TooLargeFile);
      }),
      { numRuns: 30 },
    );
  });

  it('is bounded by what is read, not by the size that it is said to have', async () => {
    // Files of /proc have a size of 0.
    expect((await readRegular('/proc/self/status', 100_000, REFUSE)).length).toBeGreaterThan(100);
    await expect(readRegular('/proc/self/status', 50, REFUSE)).rejects.toThrow(TooLargeFile);
    expect(() => readRegularSync('/proc/self/status', 50, REFUSE)).toThrow(TooLargeFile);
  });

  it('gives the part that is asked for', async () => {
    writeFileSync(folder.at('file'), Buffer.alloc(200_000, 'ab'));
    appendFileSync(folder.at('file'), 'end');
    const part = streamRegular(folder.at('file'), { ...REFUSE, start: 99_999, end: 200_002 });
    const bytes = await collected(part);
    expect(bytes).toHaveLength(100_003);
    expect(bytes.subarray(-3).toString()).toBe('ben');
  });
});

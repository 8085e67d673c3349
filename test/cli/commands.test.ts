import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/index.ts';
import type { Streams } from '../../src/cli/shell.ts';
import { plain } from '../../tools/components/actor-wat.ts';
import { viv } from './viv.ts';

const TOOL = new URL('../toolchains/components/rust.wasm', import.meta.url).pathname;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-commands-'));
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'data', 'in.txt'), 'from the host');
  await writeFile(join(folder, 'a library.wasm'), await plain('', '(local.get 0)'));
});
afterAll(() => rm(folder, { recursive: true }));

function broken(code: string): { streams: Streams & { stdin: PassThrough; stderr: PassThrough }; left: number[] } {
  const write = (_: unknown, __: unknown, done: (error: Error) => void): void =>
    done(Object.assign(new Error('not written'), { code }));
  return {
    streams: { stdin: new PassThrough(), stdout: new Writable({ write }), stderr: new PassThrough() },
    left: [],
  };
}

const run = (flags: readonly string[], args: readonly string[], input = '') =>
  viv(['run', TOOL, ...flags, '--', ...args], { input });

describe('viv run with a command', () => {
  it('gives it arguments and variables, and its output as it is', async () => {
    process.env.VIVARIUM_TEST_TAKEN = 'taken';
    expect(await run(['--env', 'A=1=2', '-e', 'VIVARIUM_TEST_TAKEN'], ['one', '--json'])).toEqual({
      code: 0,
      out: '["one", "--json"]\n[("A", "1=2"), ("VIVARIUM_TEST_TAKEN", "taken")]\n',
      err: 'to standard error\n',
      objects: [],
    });
  });

  it('passes any bytes through, more than are kept at a time', async () => {
    const bytes = Buffer.alloc(
      300_000,
      Uint8Array.from({ length: 256 }, (_, index) => index),
    );
    const streams = {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
    };
    streams.stdin.end(bytes);
    const [code, output] = await Promise.all([
      main(['run', TOOL, '--', 'cat'], streams).finally(() => streams.stdout.end()),
      streams.stdout.toArray(),
    ]);
    expect(code).toBe(0);
    expect(Buffer.concat(output).equals(bytes)).toBe(true);
  });

  it('waits for input that comes later', async () => {
    const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
    const code = main(['run', TOOL, '--', 'lines'], streams);
    let out = '';
    const printed = new Promise<void>((resolve) => {
      streams.stdout.on('data', (data) => {
        out += data;
        resolve();
      });
    });
    streams.stdin.write('first\nsec');
    await printed;
    expect(out).toBe('0 first\n');
    streams.stdin.end('ond');
    expect(await code).toBe(0);
    expect(out).toBe('0 first\n1 second\n');
  });

  it.each([
    [['exit', '0'], [], 0, 'bye'],
    [['exit', '1'], [], 1, 'bye'],
    [['trap'], [], 134, 'RUNTIME_TRAP'],
    [['spin'], ['--fuel', '100000'], 124, 'METERING_OUT_OF_FUEL'],
    [['spin'], ['--timeout', '50ms'], 124, 'longer than its 50 ms'],
    [['lines'], ['--memory', '64KiB'], 124, 'METERING_MEMORY'],
  ] as const)('%j with %j ends with %i', async (args, flags, code, text) => {
    const ran = await run(flags, args);
    expect(ran).toMatchObject({ code });
    expect(ran.out + ran.err).toContain(text);
    if (code > 1) expect(ran.out).toBe('');
  });

  it('opens folders, all of what is in them or to be read', async () => {
    const data = join(folder, 'data');
    expect(await run(['--dir', `${data}::/data`], ['files', '/data'])).toMatchObject({ code: 0, err: '' });
    expect(await run(['--dir', `${data}::/data:ro`], ['read', '/data/in.txt'])).toMatchObject({ out: 'from the host' });
    expect(await run(['--dir', `${data}::/data:ro`], ['write', '/data/out.txt'])).toMatchObject({
      out: 'Err(PermissionDenied)\n',
      err: expect.stringContaining("needs --grant 'filesystem:write:/data/out.txt'"),
    });
    expect(await run([], ['read', '/data/in.txt'])).toMatchObject({ out: 'NotFound\n' });
  });

  it('opens a folder as the root, which docs/commands.md says instead of --dir .', async () => {
    const data = join(folder, 'data');
    expect(await run(['--dir', `${data}::/`], ['files', '/'])).toMatchObject({ code: 0, err: '' });
    expect(await run(['--dir', `${data}::/:ro`], ['read', '/in.txt'])).toMatchObject({ out: 'from the host' });
    expect(await run(['--dir', `${data}::/:ro`], ['write', '/out.txt'])).toMatchObject({
      out: 'Err(PermissionDenied)\n',
      err: expect.stringContaining("needs --grant 'filesystem:write:/out.txt'"),
    });
  });

  it.each([
    ['a path with a space', '/a b'],
    ['a path in another script', '/données'],
    ['a path with slashes at its end', '/data//'],
  ])('opens a folder under %s', async (_, guest) => {
    const opened = await run(['--dir', `${join(folder, 'data')}::${guest}`], ['read', `${guest}/in.txt`]);
    expect(opened).toMatchObject({ code: 0, out: 'from the host', err: '' });
  });

  it.each([
    [['::/a', '::/a/b:ro'], 'it lies in /a, where everything may be written'],
    [['::/:ro', '::/'], 'two folders cannot be found under one path'],
    [['::/a', '::/a/'], 'two folders cannot be found under one path'],
    [['::/a:ro', '::/b c'], 'the path of one that may be written is ASCII'],
    [['::data'], 'the path for the component begins with /'],
  ])('refuses --dir %j, which would not do what it says', async (ends, why) => {
    const dirs = ends.flatMap((end) => ['--dir', join(folder, 'data') + end]);
    expect(await run(dirs, ['exit', '0'])).toMatchObject({ code: 2, err: expect.stringContaining(why) });
  });

  it('lets a folder be written that lies in one to be read', async () => {
    const data = join(folder, 'data');
    const dirs = ['--dir', `${data}::/a:ro`, '--dir', `${data}::/a/b`];
    expect(await run(dirs, ['write', '/a/b/out.txt'])).toMatchObject({ out: 'Ok(())\n' });
    expect(await run(dirs, ['write', '/a/out.txt'])).toMatchObject({ out: 'Err(PermissionDenied)\n' });
  });

  it.each(['EPIPE', 'ENOSPC'])('leaves it to the command what to do, and its exit code, after %s', async (code) => {
    const { streams, left } = broken(code);
    streams.stdin.end(Buffer.alloc(300_000));
    const ended = await main(['run', TOOL, '--', 'cat'], streams, (each) => left.push(each));
    expect({ left, failed: ended !== 0 }).toEqual({ left: [], failed: true });
  });

  it.each([
    ['EPIPE', 0, ''],
    ['ENOSPC', 2, 'CLI_FILE: standard output cannot be written: the disk is full\n'],
  ])('ends when its own output meets %s, with %i', async (code, status, told) => {
    const { streams, left } = broken(code);
    await main(['inspect', join(folder, 'a library.wasm')], streams, (each) => left.push(each));
    if (!streams.stdout.closed) await new Promise((closed) => streams.stdout.on('close', closed));
    expect(left).toEqual([status]);
    expect(String(streams.stderr.read() ?? '')).toBe(told);
  });

  it('says what a component is that is no command, and what to do', async () => {
    const library = join(folder, 'a library.wasm');
    const { code, err } = await viv(['run', library]);
    expect(code).toBe(3);
    expect(err).toContain(`is a library, neither a command (it would export wasi:cli/run) nor an actor`);
    expect(err).toContain(`viv call '${library}' 'run' '[ARGUMENTS]'`);
  });

  it('shows on a terminal that it is made ready, and takes that away before the output', async () => {
    const copy = join(folder, 'copy.wasm');
    const bytes = await readFile(TOOL);
    // Another custom section, so that it is built.
    await writeFile(copy, Buffer.concat([bytes, Buffer.from([0, 3, 1, 0x78, process.pid & 0xff])]));
    const { err } = await viv(['run', copy, '--', 'exit', '0'], { terminal: true });
    if (err.includes('making')) expect(err.endsWith('\r\u001b[K')).toBe(true);
  });
});

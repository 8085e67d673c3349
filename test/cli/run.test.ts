import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor, componentOf, plain } from '../../tools/components/actor-wat.ts';
import { TEXT } from '../support/worlds.ts';
import { viv } from './viv.ts';

let folder: string;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-cli-'));
  await writeFile(file('echo.wasm'), await actor());
  await writeFile(file('loop.wasm'), await actor({ handleMessage: '(loop $l (br $l)) unreachable' }));
  await writeFile(file('trap.wasm'), await actor({ handleMessage: 'unreachable' }));
  await writeFile(file('plain.wasm'), await plain('', '(i32.mul (local.get 0) (i32.const 2))'));
  await writeFile(file('core.wasm'), Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  await writeFile(file('message.bin'), Uint8Array.of(0xff, 0xfe));
});
afterAll(() => rm(folder, { recursive: true }));

describe('viv run', () => {
  it('prints the reply alone in a pipe', async () => {
    expect(await viv(['run', file('echo.wasm'), '-m', 'Ada', '-m', 'Bob'])).toMatchObject({
      code: 0,
      out: 'Ada\nBob\n',
      err: '',
    });
  });

  it('prints one object for each message with --json', async () => {
    const { code, objects } = await viv([
      'run',
      file('echo.wasm'),
      '--message',
      'Ada',
      '--message-file',
      file('message.bin'),
      '--json',
    ]);
    expect(code).toBe(0);
    expect(objects).toEqual([
      {
        message: 'Ada',
        reply: 'QWRh',
        replyText: 'Ada',
        fuelConsumed: expect.stringMatching(/^\d+$/),
        memoryBytes: 65_536,
        executionTimeMs: expect.any(Number),
      },
      expect.objectContaining({ message: file('message.bin'), reply: '//4=' }),
    ]);
    expect(objects[1]).not.toHaveProperty('replyText');
  });

  it('takes lines of standard input', async () => {
    expect(await viv(['run', file('echo.wasm')], { input: 'one\ntwo\n' })).toMatchObject({
      code: 0,
      out: 'one\ntwo\n',
    });
  });

  it('shows what was used on a terminal, and neutralises escapes', async () => {
    const { out, err } = await viv(['run', file('echo.wasm'), '-m', '\u001b[2J\u202e'], { terminal: true });
    expect(out).toBe('\\u{1b}[2J\\u{202e}\n');
    expect(err).toContain('fuel ');
  });

  it.each([
    [['loop.wasm', '--timeout', '50ms'], 'METERING_DEADLINE', 1],
    [['loop.wasm', '--fuel', '10000'], 'METERING_OUT_OF_FUEL', 1],
    [['echo.wasm', '--memory', '1KiB'], 'METERING_MEMORY', 1],
    [['trap.wasm'], 'RUNTIME_TRAP', 1],
    [['nothing.wasm'], 'RUNTIME_NOT_FOUND', 3],
    [['core.wasm'], 'RUNTIME_INVALID_COMPONENT', 4],
    [['plain.wasm'], 'RUNTIME_NO_EXPORT', 3],
  ])('%j ends with %s', async ([name, ...flags], code, exit) => {
    const ran = await viv(['run', file(name as string), '-m', 'x', '--json', ...flags]);
    expect(ran.objects.at(-1)).toMatchObject({ error: { code, message: expect.any(String) } });
    expect(ran.code).toBe(exit);
  });

  it.each([
    [['run']],
    [['run', 'x.wasm', '--fuel', 'much']],
    [['run', 'x.wasm', '--timeout', 'soon']],
    [['run', 'x.wasm', '--env', 'NOVALUE', '-m', 'x']],
    [['run', 'x.wasm', '--config', '/no/such/file', '-m', 'x']],
    [['call', 'x.wasm', 'f', 'not json']],
    [['call', 'x.wasm', 'f', '{}']],
    [['nonsense']],
    [['run', 'x.wasm', '--nonsense']],
  ])('%j is wrong usage', async (args) => {
    const ran = await viv([...args, '--json']);
    expect(ran.objects.at(-1)).toMatchObject({ error: { code: 'CLI_USAGE' } });
    expect(ran.code).toBe(2);
    const people = await viv(args);
    expect(people.err).not.toBe('');
    expect(people.out).toBe('');
  });
});

describe('viv call', () => {
  it('prints the result', async () => {
    const { code, objects } = await viv(['call', file('plain.wasm'), 'run', '[21]', '--json']);
    expect(objects).toEqual([{ result: 42, fuelConsumed: '4', memoryBytes: 0, executionTimeMs: expect.any(Number) }]);
    expect(code).toBe(0);
    expect((await viv(['call', file('plain.wasm'), 'run', '[21]'])).out).toBe('42\n');
  });

  it('reads and writes 64-bit integers, NaN and infinities as strings, and ends with 2 for what does not fit', async () => {
    const wit = `package a:b; interface api { record r { n: u64 } wide: func(l: list<option<r>>) -> u64; half: func(x: f64) -> tuple<f64, f64>; } world w { export api; }`;
    const text = `(module (memory (export "memory") 1) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
      (func (export "a:b/api#wide") (param i32 i32) (result i64) (i64.load offset=8 (local.get 0)))
      (func (export "a:b/api#half") (param f64) (result i32) (f64.store (i32.const 16) (local.get 0)) (f64.store (i32.const 24) (f64.const nan)) (i32.const 16)))`;
    await writeFile(file('wide.wasm'), await componentOf(text, wit, 'w'));
    const call = (name: string, args: string) => viv(['call', file('wide.wasm'), name, args, '--json']);
    expect((await call('api#wide', '[[{"n": "18446744073709551615"}]]')).objects[0]).toMatchObject({
      result: '18446744073709551615',
    });
    expect((await call('a:b/api#half', '["-Infinity"]')).objects[0]).toMatchObject({ result: ['-Infinity', 'NaN'] });
    for (const [args, message] of [
      [
        '[[{"n": 9007199254740993}]]',
        'argument 1, item [0].n: the number 9007199254740993 would lose digits; write it as a string, "9007199254740993"',
      ],
      ['[[{"n": "18446744073709551616"}]]', /a u64 is expected/],
      ['[]', /argument 1 is missing/],
      ['[[], 1]', /argument 2 is too many/],
    ] as const) {
      const { code, objects } = await call('api#wide', args);
      expect(objects.at(-1)).toMatchObject({
        error: {
          code: 'RUNTIME_INVALID_ARGUMENT',
          message: typeof message === 'string' ? message : expect.stringMatching(message),
        },
      });
      expect(code).toBe(2);
    }
  });

  it('names the exports there are', async () => {
    const { code, err } = await viv(['call', file('plain.wasm'), 'walk']);
    expect(err).toContain('run');
    expect(code).toBe(3);
  });
});

describe('viv inspect', () => {
  it('says what a component is', async () => {
    const { code, objects } = await viv(['inspect', file('echo.wasm'), '--json']);
    expect(code).toBe(0);
    expect(objects[0]).toMatchObject({
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      kind: 'component',
      world: 'vivarium:actor/actor',
      imports: expect.not.arrayContaining([expect.objectContaining({ status: 'missing' })]),
      exports: ['vivarium:actor/lifecycle@0.1.0'],
      coreModules: [{ bytes: expect.any(Number), functions: expect.any(Number), initialMemoryBytes: 65_536 }],
    });
  });

  it('says which imports nobody meets', async () => {
    const wit = `package a:b; interface host { f: func(); } world guest { import host; export run: func(n: u32) -> u32; }`;
    const text = '(module (import "a:b/host" "f" (func)) (func (export "run") (param i32) (result i32) (i32.const 1)))';
    await writeFile(file('needy.wasm'), await componentOf(text, wit, 'guest'));
    const { objects } = await viv(['inspect', file('needy.wasm'), '--json']);
    expect(objects[0]).toMatchObject({ imports: [{ name: 'a:b/host', status: 'missing' }] });
  });

  it('refuses what is none, and says what it is', async () => {
    const { code, err } = await viv(['inspect', file('core.wasm')]);
    expect(err).toContain('core WebAssembly module');
    expect(code).toBe(4);
  });
});

describe('help', () => {
  /** All commands, found as a reader finds them. */
  async function commandsBelow(words: readonly string[]): Promise<{ words: readonly string[]; help: string }[]> {
    const { code, out: help } = await viv([...words, '--help']);
    expect(code).toBe(0);
    const listed = help.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '';
    const names = [...listed.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name as string);
    const below = names.filter((name) => name !== 'help').map((name) => commandsBelow([...words, name]));
    return [{ words, help }, ...(await Promise.all(below)).flat()];
  }

  it('of each command shows what to type, with options that it has, and knows --json', async () => {
    const all = await commandsBelow([]);
    const leaves = all.filter(({ help }) => !help.includes('\nCommands:\n'));
    expect(leaves.length).toBeGreaterThan(25);
    for (const { words, help } of leaves) {
      const typed = ['viv', ...words].join(' ');
      const examples = help.split('\nExamples:\n')[1]?.split('\n') ?? [];
      const own = examples.filter((line) => line.trim().startsWith(`${typed} `) || line.trim() === typed);
      expect(own, typed).not.toEqual([]);
      for (const [flag] of own.join('\n').matchAll(/(?<= )--[a-z-]+/g)) expect(help, typed).toContain(flag);
      expect(help, typed).toContain('--json');
      expect(help, typed).not.toContain('default: []');
    }
  });

  it.each([
    [['run', '.', '-m', 'x'], 4, 'is a folder; give the component in it'],
    [['start', '.'], 3, 'is a folder; give the manifest in it, as actor.toml'],
    [['run', 'a.wasm', '--timeout', '0'], 2, 'give a time above 0'],
    [['run', 'a.wasm', '--grant', 'storage'], 2, 'such as storage:read:counts/**'],
  ])('stands in the error of viv %j', async (args, code, hint) => {
    const failed = await viv(
      args[0] === 'run' && args[1] === 'a.wasm' ? [args[0], file('echo.wasm'), ...args.slice(2)] : args,
    );
    expect(failed).toMatchObject({ code, err: expect.stringContaining(hint) });
  });

  it('documents the exit codes', async () => {
    expect((await viv(['--help'])).out).toContain('2 wrong usage');
  });
});

it('a world of other types can be called', async () => {
  const text = `(module (memory (export "memory") 1) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 512))
    (func $two (param i32 i32) (result i32) (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))
    (func (export "echo") (param i32 i32) (result i32) (call $two (local.get 0) (local.get 1)))
    (func (export "bytes") (param i32 i32) (result i32) (call $two (local.get 0) (local.get 1)))
    (func (export "pair") (result i32) (i32.const 64))
    (func (export "divide") (param i32 i32) (result i32) (i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) (i32.const 0)) (i32.store (i32.const 24) (i32.const 0)) (i32.const 16)))`;
  await writeFile(file('text.wasm'), await componentOf(text, TEXT, 'text'));
  expect((await viv(['call', file('text.wasm'), 'bytes', '[[1,2,3]]', '--json'])).objects[0]).toMatchObject({
    result: [1, 2, 3],
  });
  expect(await viv(['call', file('text.wasm'), 'divide', '[1,0]', '--json'])).toMatchObject({
    code: 1,
    objects: [{ error: { code: 'RUNTIME_COMPONENT_ERROR' } }],
  });
});

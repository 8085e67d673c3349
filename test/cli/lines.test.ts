// What is one line to the command line: a message in, and a line of a component's log out.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputLines } from '../../src/cli/terminal/input-lines.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { homeIn } from '../support/home-in.ts';
import { viv } from './viv.ts';

let folder: string;
const home = process.env.VIVARIUM_HOME;
const LOG = '(import "vivarium:actor/host-services@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))';
/** Logs its payload with one pair of context, echoes it, and traps for what begins with `!`. */
const LOGGER = {
  fields: `${LOG} (data (i32.const 512) "keyvalue\\0a")
    (data (i32.const 600) "\\00\\02\\00\\00\\03\\00\\00\\00\\03\\02\\00\\00\\06\\00\\00\\00")`,
  handleMessage: `(call $log (i32.const 2) (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)) (i32.const 600) (i32.const 1))
    (if (i32.eq (i32.load8_u (i32.load offset=24 (local.get $msg))) (i32.const 33)) (then unreachable))
    (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
    (i32.store (i32.const 24) (i32.load offset=24 (local.get $msg)))
    (i32.store (i32.const 28) (i32.load offset=28 (local.get $msg))) (i32.const 16)`,
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-lines-'));
  process.env.VIVARIUM_HOME = homeIn(folder);
  await writeFile(join(folder, 'logger.wasm'), await actor(LOGGER));
  await writeFile(join(folder, 'actor.toml'), 'id = "demo/a/1"\ncomponent = "logger.wasm"\n');
});
afterAll(async () => {
  if (home === undefined) delete process.env.VIVARIUM_HOME;
  else process.env.VIVARIUM_HOME = home;
  await rm(folder, { recursive: true });
});

const start = (input: string, ...args: string[]) =>
  viv(['start', join(folder, 'actor.toml'), '--to', 'demo/a/1', ...args], { input });

describe('a line of standard input', () => {
  it('ends with \\n or \\r\\n, in whatever pieces it comes, and with nothing else', async () => {
    const line = fc.string({
      unit: fc.constantFrom('a', 'é', '𝄞', '\r', '\u2028', '\u2029', '\u0085', '\v', '\f', ''),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.boolean(), fc.integer({ min: 1, max: 5 }), async (lines, returns, size) => {
        const bytes = Buffer.from(lines.map((each) => each + (returns ? '\r\n' : '\n')).join(''));
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        using input = new InputLines(Readable.from(pieces));
        const expected = returns ? lines : lines.map((each) => (each.endsWith('\r') ? each.slice(0, -1) : each));
        const read: string[] = [];
        for await (const each of input) read.push(each);
        expect(read).toEqual(expected);
      }),
    );
  });

  it('is one message with U+2028 in it', async () => {
    const { objects } = await viv(['run', join(folder, 'logger.wasm'), '--json'], { input: 'a\u2028b\r\nlast' });
    expect(objects.map(({ message }) => message)).toEqual(['a\u2028b', 'last']);
    const started = await start('a\u2028b\n', '--json');
    expect(started.objects.filter(({ event }) => event === 'reply')).toMatchObject([{ replyText: 'a\u2028b' }]);
  });
});

describe('what a component says', () => {
  const FORGED = 'x\ndemo/b/1  [error] forged\u001b[2J\u202e';
  const forge = (...args: string[]) => viv(['run', join(folder, 'logger.wasm'), '-m', FORGED, ...args]);

  it('cannot pass for what another says, nor move a cursor, in a pipe either', async () => {
    const { out, err } = await forge();
    for (const unsafe of ['\u001b', '\u202e']) expect(out + err).not.toContain(unsafe);
    expect(err.split('\n').filter((line) => line !== '' && !line.startsWith('[info] '))).toEqual([]);
    const started = await start('x\u0085\u001b[2Jy\n');
    for (const unsafe of ['\u001b', '\u0085']) expect(started.out + started.err).not.toContain(unsafe);
    for (const line of started.err.trimEnd().split('\n')) expect(line).toMatch(/^demo\/a\/1 {2}/);
  });

  it('has its exact bytes, its time and its context in JSON', async () => {
    const { objects } = await forge('--json');
    expect(objects).toMatchObject([{ replyText: FORGED, reply: Buffer.from(FORGED).toString('base64') }]);
    const started = await start('hello\n', '--json');
    expect(started.code).toBe(0);
    for (const { time } of started.objects) expect(new Date(time as string).toISOString()).toBe(time);
    expect(started.objects.filter(({ event }) => event === 'log')).toMatchObject([
      { component: 'demo/a/1', message: 'hello', context: { key: 'value\n' } },
    ]);
  });

  it('makes start end with 1 when a message failed', async () => {
    const { code, objects } = await start('!\n', '--json');
    expect(code).toBe(1);
    expect(objects.filter(({ event }) => event === 'failed')).toMatchObject([{ code: 'RUNTIME_TRAP' }]);
  });
});

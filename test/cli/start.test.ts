import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildActor } from '#system/operations';
import { main } from '../../src/cli/program.ts';
import { homeIn } from '../support/home-in.ts';

let folder: string;
const home = process.env.VIVARIUM_HOME;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-start-'));
  process.env.VIVARIUM_HOME = homeIn(folder);
  const source = fileURLToPath(new URL('../../examples/flaky-worker/worker.ts', import.meta.url));
  await buildActor(source, { output: join(folder, 'worker.wasm') });
  await write('worker', 'max-restarts = 1\nwithin = "1m"\nbackoff = "1ms"\nrestart = "permanent"');
});
afterAll(async () => {
  if (home === undefined) delete process.env.VIVARIUM_HOME;
  else process.env.VIVARIUM_HOME = home;
  await rm(folder, { recursive: true });
});

async function write(name: string, supervision: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  const text = `id = "demo/${name}/1"\ncomponent = "../worker.wasm"\ngrants = ["storage:*:done"]\n[limits]\nmax-execution-time = "1m"\nmax-fuel = 20_000_000\n[supervision]\n${supervision}\n`;
  await writeFile(join(folder, name, 'actor.toml'), text);
}

async function start(input: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await main(['start', '--grant', 'storage:*:**', ...args], {
    stdin: Readable.from([input]),
    stdout,
    stderr,
  });
  const read = async (stream: PassThrough): Promise<string> => (await stream.end().toArray()).join('');
  return { code, out: await read(stdout), err: await read(stderr) };
}

const manifest = (name: string): string => join(folder, name, 'actor.toml');

describe('viv start', () => {
  it('sends the lines of standard input, restarts what fails, and says so in lines for people', async () => {
    const { code, out, err } = await start(
      '{"work":"a"}\n{"work":"hang"}\n{"work":"b"}\n',
      manifest('worker'),
      '--to',
      'demo/worker/1',
    );
    // One of the messages failed.
    expect(code).toBe(1);
    expect(out).toBe('"a done; 1 in all, 1 since the last start"\n"b done; 2 in all, 1 since the last start"\n');
    expect(err).toMatch(/demo\/worker\/1 {2}restart 1 in \d+ ms, after METERING_OUT_OF_FUEL/);
    expect(err).toContain('demo/worker/1  dead letter (failed)');
    expect(err).toContain('draining -> stopped');
  });

  it('ends with exit code 1 when the supervisor gives up and nothing is left, one object a line with --json', async () => {
    const hang = '{"work":"hang"}\n'.repeat(3);
    const { code, out } = await start(hang, manifest('worker'), '--to', 'demo/worker/1', '--json');
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(1);
    expect(events.filter(({ event }) => event === 'restart')).toMatchObject([
      { component: 'demo/worker/1', restarts: 1 },
    ]);
    expect(events.filter(({ event }) => event === 'gave-up')).toMatchObject([{ code: 'SUPERVISION_INTENSITY' }]);
    expect(events.filter(({ event }) => event === 'dead-letter').length).toBeGreaterThan(0);
  });

  it('starts several under one supervisor', async () => {
    for (const name of ['first', 'second'])
      await write(name, 'supervisor = "both"\nstrategy = "one-for-all"\nrestart = "permanent"');
    const input = '{"work":"hang"}\n{"work":"x"}\n';
    const { out } = await start(input, manifest('first'), manifest('second'), '--to', 'demo/first/1', '--json');
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const restarted = events.filter(({ event }) => event === 'restart').map(({ component }) => component);
    expect(restarted).toEqual(['demo/first/1', 'demo/second/1']);
    expect(events.some(({ event }) => event === 'reply')).toBe(true);
  });

  it('starts nothing that asks for what nobody granted', async () => {
    const streams = { stdin: Readable.from(['']), stdout: new PassThrough(), stderr: new PassThrough() };
    expect(await main(['start', manifest('worker'), '--grant', 'storage:read:done'], streams)).toBe(4);
    expect(String(streams.stderr.read())).toContain("add --grant 'storage:*:done'");
  });

  it.each([
    ['y', 0, '"a done; 1 in all, 1 since the last start"\n'],
    ['no', 4, ''],
  ])('asks once at a terminal for what nobody granted: %s ends with %i', async (answer, code, out) => {
    const terminal = () => Object.assign(new PassThrough(), { isTTY: true });
    const streams = { stdin: terminal(), stdout: new PassThrough(), stderr: terminal() };
    let shown = '';
    streams.stderr.on('data', (chunk) => {
      const asked = shown.includes('[y/N]');
      shown += chunk;
      if (!asked && shown.includes('[y/N]')) streams.stdin.write(`${answer}\n`);
      if (shown.includes('initializing -> ready')) streams.stdin.end('{"work":"a"}\n');
    });
    expect(await main(['start', manifest('worker'), '--to', 'demo/worker/1'], streams)).toBe(code);
    expect(shown.match(/demo\/worker\/1 asks for\n {2}storage:\*:done\n/g)).toHaveLength(1);
    expect((await streams.stdout.end().toArray()).join('')).toBe(out);
  });

  // The question and the messages had a reader each: what was typed ahead of the second went to the first and was lost.
  it('loses none of the lines that were typed ahead of the question', async () => {
    const typed = ['y\n{"work":"a"}\n{"work":"b"}\n{"work":"c"}\n'];
    const streams = {
      stdin: Object.assign(Readable.from(typed), { isTTY: true }),
      stdout: new PassThrough(),
      stderr: Object.assign(new PassThrough(), { isTTY: true }),
    };
    expect(await main(['start', manifest('worker'), '--to', 'demo/worker/1'], streams)).toBe(0);
    const out = (await streams.stdout.end().toArray()).join('');
    expect(out.match(/"(.) done/g)).toEqual(['"a done', '"b done', '"c done']);
  });

  it('takes the end of the input at the question for a no', async () => {
    const streams = {
      stdin: Object.assign(Readable.from([]), { isTTY: true }),
      stdout: new PassThrough(),
      stderr: Object.assign(new PassThrough(), { isTTY: true }),
    };
    expect(await main(['start', manifest('worker'), '--to', 'demo/worker/1'], streams)).toBe(4);
  });

  it('names what is wrong before it starts anything', async () => {
    expect(await start('', manifest('none'))).toMatchObject({
      code: 3,
      err: expect.stringContaining('PROJECT_NOT_FOUND'),
    });
    expect(await start('', manifest('worker'), '--to', 'demo/other/1')).toMatchObject({ code: 2, out: '' });
  });
});

// A source whose top level never ends, and real processes of `viv` that build it: the build ends with its time, and with its process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildActor } from '#system/operations';
import { viv } from '../../cli/viv.ts';

const VIV = fileURLToPath(new URL('../../../bin/viv.js', import.meta.url));
const SOUND = 'export default { fetch: () => new Response("sound") };';
const SPINNING = `for (;;);\n${SOUND}`;
/** Times of this test, which a busy machine needs. */
const SLOW = { timeout: 600_000, interval: 100 };
/** Ticks of the processor, of which there are a hundred a second, that a process takes only if it spins. */
const SPINS = 200;

/** The facts of processes that Linux tells. Those that have ended, but that nobody has asked for yet, count as ended. */
function processes(): { pid: number; parent: number; ticks: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z') return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        return [{ pid: Number(name), parent: Number(parent), ticks: Number(rest[9]) + Number(rest[10]), command }];
      } catch {
        return [];
      }
    });
}

/** The process that makes a component for `viv`, once it spins. */
async function spinningChild(of: ChildProcess): Promise<number> {
  const find = () => processes().find(({ parent, command }) => parent === of.pid && command.includes('source-child'));
  await expect.poll(() => find()?.ticks ?? 0, SLOW).toBeGreaterThan(SPINS);
  const pid = find()?.pid ?? 0;
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  return pid;
}

const isAlive = (pid: number): boolean => processes().some((each) => each.pid === pid);

async function project(source: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-spinning-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const site = join(folder, 'site');
  expect(await viv(['new', site, '--template', 'handler'])).toMatchObject({ code: 0 });
  writeFileSync(join(site, 'src/actor.ts'), source);
  return site;
}

function start(args: readonly string[]): ChildProcess {
  const started = spawn(process.execPath, [VIV, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void started.kill('SIGKILL'));
  return started;
}

it('a build that takes longer than its time fails and says so, also while types are checked', async () => {
  const site = await project(SPINNING);
  await expect(buildActor(site, { maxTimeMs: 1_500 })).rejects.toMatchObject({
    code: 'PROJECT_BUILD_FAILED',
    message: expect.stringContaining('it takes more than 1500 ms; its top level runs meanwhile and must end'),
  });
  const built = await viv(['build', site, '--no-check', '--timeout', '1500ms']);
  expect(built.err).toContain('it takes more than 1500 ms');
  expect(built.code).toBe(1);
});

it('a build whose types are wrong does not wait for a top level that never ends', async () => {
  const site = await project(`${SPINNING}\nexport const wrong: string = 5;`);
  await expect(buildActor(site, { check: true, maxTimeMs: 2 ** 31 - 1 })).rejects.toMatchObject({
    message: expect.stringContaining('the types are wrong'),
  });
});

it('a build ends with its signal, by the reason', async () => {
  const site = await project(SPINNING);
  const stop = new AbortController();
  const built = expect(buildActor(site, { signal: stop.signal })).rejects.toBe('stopped');
  setImmediate(() => stop.abort('stopped'));
  await built;
});

describe.runIf(process.platform === 'linux')('a build that spins', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('ends with viv build at %s', async (signal) => {
    const building = start(['build', await project(SPINNING), '--no-check']);
    const child = await spinningChild(building);
    const exited = once(building, 'exit');
    building.kill(signal);
    expect(await exited).toEqual([null, signal]);
    await expect.poll(() => isAlive(child), SLOW).toBe(false);
  });

  it('ends with viv serve --watch, which drains at once', async () => {
    const site = await project(SOUND);
    const serving = start(['serve', site, '--watch', '--addr', '127.0.0.1:0', '--json']);
    const lines = createInterface({ input: serving.stdout as NodeJS.ReadableStream });
    const [listening] = (await once(lines, 'line')) as [string];
    const { url } = JSON.parse(listening) as { url: string };
    writeFileSync(join(site, 'src/actor.ts'), SPINNING);
    const child = await spinningChild(serving);
    expect(await (await fetch(url)).text()).toBe('sound');
    const told: string[] = [];
    lines.on('line', (line) => told.push(line));
    const exited = once(serving, 'exit');
    serving.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(isAlive(child)).toBe(false);
    // That the build was given up is no failure of the project.
    expect(told.filter((line) => line.includes('kept'))).toEqual([]);
  });
});

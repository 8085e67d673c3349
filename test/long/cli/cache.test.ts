import { existsSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { wasmDigestOf } from '#cache';
import { createRuntime } from '#system';
import { main } from '../../../src/cli/index.ts';
import { actor } from '../../../tools/components/actor-wat.ts';

let folder: string;
let good: string;
let other: string;
let goodDigest: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-cli-cache-'));
  good = join(folder, 'good.wasm');
  other = join(folder, 'other.wasm');
  const bytes = await actor();
  goodDigest = await wasmDigestOf(bytes);
  await writeFile(good, bytes);
  await writeFile(other, await actor({ health: '(i32.const 1)' }));
  await writeFile(join(folder, 'bad.wasm'), '(component)');
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  process.env.VIVARIUM_CACHE_DIR = join(folder, crypto.randomUUID());
});

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly lines: Record<string, unknown>[];
}

/** Runs `viv cache …` in this process. */
async function viv(args: readonly string[], input = '', terminal = false): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) =>
    Object.assign(
      new Writable({
        write: (chunk, _, done) => {
          written[name] += chunk;
          done();
        },
      }),
      { isTTY: terminal },
    );
  const stdin = Readable.from([input]);
  const code = await main(['cache', ...args], { stdin, stdout: sink('stdout'), stderr: sink('stderr') });
  const out = written.stdout;
  const lines = args.includes('--json')
    ? out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];
  return { code, out, err: written.stderr, lines };
}

describe('viv cache warmup --for-installed', () => {
  /** Makes every entry that of another engine, as if Node or jco had been updated since. */
  function updateEngine(): void {
    const root = join(process.env.VIVARIUM_CACHE_DIR ?? '', 'v1');
    for (const [index, id] of readdirSync(root).entries()) {
      const other = `${index}`.repeat(64);
      for (const name of readdirSync(join(root, id, 'artifacts'))) {
        if (!name.endsWith('.json')) continue;
        const file = join(root, id, 'artifacts', name);
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll(id, other));
      }
      renameSync(join(root, id), join(root, other));
    }
  }

  it('makes ready what a runtime ran under another engine, and says what is gone', async () => {
    const moved = join(folder, 'moved.wasm');
    await writeFile(moved, await actor({ health: '(i32.const 2)' }));
    const runtime = await createRuntime();
    for (const path of [good, moved]) await runtime.load(path);
    await runtime.load(other, { metering: 'deadline' });
    await runtime.close();
    updateEngine();
    await rm(moved);
    const first = await viv(['warmup', '--for-installed', '--json']);
    expect(first.code).toBe(0);
    expect(first.lines).toContainEqual({ name: good, outcome: 'built' });
    expect(first.lines).toContainEqual({ name: other, outcome: 'built' });
    expect(first.lines.at(-1)).toMatchObject({ total: 2, built: 2, ready: 0, failed: 0, gone: 1 });
    const again = await viv(['warmup', '--for-installed', '--json']);
    expect(again.lines.at(-1)).toMatchObject({ total: 2, built: 0, ready: 2, gone: 1 });
    const started = await createRuntime();
    await started.load(good);
    await started.load(other, { metering: 'deadline' });
    expect(started.metrics().cache).toMatchObject({ compiles: 0, diskHits: 2 });
    await started.close();
  });

  it('has nothing to do in an empty cache, and takes components beside it', async () => {
    expect(await viv(['warmup', '--for-installed', '--json'])).toMatchObject({
      code: 0,
      lines: [{ total: 0, gone: 0, unknown: 0 }],
    });
    const { lines } = await viv(['warmup', '--for-installed', good, '--json']);
    expect(lines.at(-1)).toMatchObject({ total: 1, built: 1 });
    updateEngine();
    expect((await viv(['warmup', '--for-installed', '--json'])).lines).toContainEqual({ name: good, outcome: 'built' });
  });
});

describe('viv cache', () => {
  it('tells where the cache is', async () => {
    const { VIVARIUM_CACHE_DIR: root } = process.env;
    expect(await viv(['path'])).toMatchObject({ code: 0, out: `${root}\n` });
    expect((await viv(['path', '--json'])).lines).toEqual([{ root }]);
  });

  it('warms up files, globs and lists, and shows what is there', async () => {
    const first = await viv(['warmup', good, '--json']);
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.lines).toEqual([
      { name: good, outcome: 'built' },
      { total: 1, built: 1, ready: 0, failed: 0 },
    ]);
    const globbed = await viv(['warmup', join(folder, '{good,other}.wasm')]);
    expect(globbed).toMatchObject({ code: 0, out: '1 made ready, 1 were ready\n' });
    // With its digest a component that is ready is not even read: here it does not exist.
    const list = `# what runs here\n${goodDigest}  ${join(folder, 'gone.wasm')}\n\n${other}\n`;
    const listed = await viv(['warmup', '--list', '-'], list);
    expect(listed).toMatchObject({ code: 0, out: '0 made ready, 2 were ready\n' });

    const [survey] = (await viv(['stats', '--json'])).lines as [{ entries: number; profiles: object[] }];
    expect(survey).toMatchObject({ root: process.env.VIVARIUM_CACHE_DIR, entries: 2 });
    expect(survey.profiles).toMatchObject([{ own: true, entries: 2 }]);
    expect((await viv(['stats'])).out).toContain('2 entries, ');
  });

  it('counts one as people do', async () => {
    await viv(['warmup', good]);
    await viv(['warmup', good]);
    const { out } = await viv(['stats']);
    expect(out).toMatch(/ {2}1 entry, .*, \d+ hits?, /);
    expect(out).not.toContain('1 hits');
    expect(out).toMatch(/^1 entry, /m);
    expect((await viv(['prune', '--max-bytes', '0', '--dry-run'])).out).toMatch(/would delete 1 entry, .*; 0 are left/);
  });

  it('goes on past a bad component, or stops at it when it is strict', async () => {
    const bad = join(folder, 'bad.wasm');
    const missing = join(folder, 'missing.wasm');
    const report = await viv(['warmup', good, bad, missing, other, '--json']);
    expect(report.code).toBe(1);
    expect(report.lines.slice(-3)).toMatchObject([
      { name: bad, outcome: 'failed', code: 'RUNTIME_INVALID_COMPONENT' },
      { name: missing, outcome: 'failed', code: 'UNEXPECTED' },
      { total: 4, built: 2, failed: 2 },
    ]);
    const strict = await viv(['warmup', bad, good, '--strict', '--json']);
    expect(strict.code).toBe(1);
    expect(strict.lines.at(-1)).toMatchObject({ error: { code: 'CACHE_WARMUP_FAILED', details: { name: bad } } });
  });

  it('finds what is wrong and mends it', async () => {
    await viv(['warmup', good]);
    expect(await viv(['doctor'])).toMatchObject({ code: 0 });
    const root = process.env.VIVARIUM_CACHE_DIR as string;
    const entry = readdirSync(root, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('.viva'));
    truncateSync(join(root, entry as string), 50);
    const sick = await viv(['doctor', '--json']);
    expect(sick.code).toBe(4);
    expect(sick.lines).toMatchObject([
      { problem: 'damaged', fixed: false },
      { healthy: false, usable: 0 },
    ]);
    expect((await viv(['doctor'])).out).toContain('delete the entry');
    expect(await viv(['doctor', '--fix', '--json'])).toMatchObject({
      code: 0,
      lines: [{ fixed: true }, { healthy: true }],
    });
    expect(await viv(['doctor'])).toMatchObject({ code: 0 });
  });

  it('prunes, and says first what would go', async () => {
    await viv(['warmup', good, other]);
    const dry = await viv(['prune', '--max-bytes', '0', '--dry-run', '--json']);
    expect(dry).toMatchObject({ code: 0, lines: [{ why: 'size' }, { why: 'size' }, { removed: 2, dryRun: true }] });
    expect((await viv(['prune', '--max-bytes', '1GiB', '--json'])).lines).toMatchObject([
      { removed: 0, keptEntries: 2 },
    ]);
    expect((await viv(['prune', '--max-bytes', '0'])).out).toContain('deleted 2 entries');
    expect((await viv(['stats', '--json'])).lines).toMatchObject([{ entries: 0 }]);
  });

  it('shows progress on a terminal only', async () => {
    expect((await viv(['warmup', good], '', true)).err).toContain('1/1');
    expect((await viv(['doctor'], '', true)).err).toContain('1/1');
    expect((await viv(['doctor'], '', false)).err).toBe('');
  });

  it.each([
    [['warmup']],
    [['warmup', 'nothing/**/here.wasm']],
    [['warmup', 'a.wasm', '--concurrency', 'many']],
    [['warmup', 'a.wasm', '--metering', 'none']],
    [['warmup', '--list', 'no-such-list']],
    [['prune', '--max-bytes', 'lots']],
    [['prune', '--max-age', '-1']],
    [['nothing']],
  ])('refuses %j as wrong usage', async (args) => {
    expect((await viv(args)).code).toBe(2);
    expect(existsSync(process.env.VIVARIUM_CACHE_DIR as string)).toBe(false);
  });

  it('says what is wrong with a folder that cannot be used', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    process.env.VIVARIUM_CACHE_DIR = file;
    const report = await viv(['warmup', good]);
    expect(report).toMatchObject({ code: 0, out: '1 made ready, 0 were ready\n' });
    expect(report.err).toContain('CACHE_UNSAFE_ROOT');
    expect(await viv(['doctor', '--json'])).toMatchObject({ code: 4, lines: [{ problem: 'unsafe-folder' }, {}] });
  });
});

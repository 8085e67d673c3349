import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { programBeside } from '#processes';
import { TemporaryFolder } from '../../src/bundle/temporary-folder.ts';
import { systemClock } from '../../src/system/clock.ts';
import { writeDatabase } from '../../tools/bundle/source-database.ts';
import { bundleFixture } from '../support/bundle-fixture.ts';
import { OciRegistry } from '../support/oci-registry.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CHILD = programBeside(import.meta.url, '../support/bundle-child').pathname;
const thirty = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, `chunk ${index}`]));

let temporary: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  temporary = temporaryFolder();
  vi.stubEnv('TMPDIR', temporary.at());
});
afterEach(() => {
  vi.unstubAllEnvs();
  temporary[Symbol.dispose]();
});

function ended(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
}

/** Runs a child, and kills it when the registry is asked for the n-th chunk. */
async function killAtChunk(registry: OciRegistry, n: number, ...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  let chunks = 0;
  registry.faults.push((request) => {
    if (request.url?.includes('/blobs/') && ++chunks === n) child.kill('SIGKILL');
    return chunks >= n;
  });
  expect(await ended(child)).toBe('SIGKILL');
  registry.faults.length = 0;
}

const ours = () => readdirSync(tmpdir()).filter((name) => /^vivarium-(push|pull)-/.test(name));

describe('a killed pull', () => {
  it.each([4, 12, 25])('goes on with all that it had, when it was killed at request %i', async (n) => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(thirty);
    await fixture.push();
    await killAtChunk(registry, n, 'pull', registry.url, fixture.at('out.db'), fixture.at('pulled'));
    registry.seen.length = 0;
    const { fetched } = await fixture.pull('pulled');
    // The first request for a blob is that for the lockfile, and those that ran when it was killed may have been lost.
    expect(fetched?.fetched).toBeLessThanOrEqual(30 - (n - 2) + 8);
    if (n > 10) expect(fetched?.fetched).toBeLessThan(30);
    expect(readdirSync(fixture.at()).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('that had no folder goes on too, and leaves nothing', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(thirty);
    await fixture.push();
    await killAtChunk(registry, 25, 'pull', registry.url, fixture.at('out.db'));
    expect(ours()).toHaveLength(1);
    registry.seen.length = 0;
    const child = spawn(process.execPath, [CHILD, 'pull', registry.url, fixture.at('out.db')], { stdio: 'inherit' });
    expect(await ended(child)).toBe(0);
    expect(registry.count('GET', '/blobs/')).toBeLessThan(31);
    expect(ours()).toEqual([]);
  });
});

describe('a killed push', () => {
  it('leaves nothing in the temporary folder after the next one', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    const sources = Object.entries(thirty).map(([id, content]) => ({
      id,
      path: id,
      language: 'go',
      content: Buffer.from(content),
    }));
    writeDatabase(fixture.at('1.db'), { sources });
    await killAtChunk(registry, 20, 'push', registry.url, fixture.at('1.db'));
    expect(ours()).toHaveLength(1);
    const child = spawn(process.execPath, [CHILD, 'push', registry.url, fixture.at('1.db')], { stdio: 'inherit' });
    expect(await ended(child)).toBe(0);
    expect(ours()).toEqual([]);
  });
});

describe('temporary folders', () => {
  const clock = systemClock;
  const left = (name: string, lease: unknown, ageMs: number) => {
    const path = join(tmpdir(), `vivarium-push-${name}`);
    mkdirSync(path);
    const time = (Date.now() - ageMs) / 1_000;
    if (lease !== undefined) {
      writeFileSync(join(path, 'lease'), typeof lease === 'string' ? lease : JSON.stringify(lease));
      utimesSync(join(path, 'lease'), time, time);
    }
    utimesSync(path, time, time);
  };

  it('go by lease and age', async () => {
    const [hour, day] = [3_600_000, 24 * 3_600_000];
    await using mine = await TemporaryFolder.make('pull', 'mine', clock);
    left('kept-elsewhere', { host: 'elsewhere', pid: 1, space: 'x' }, hour / 2);
    left('gone-elsewhere', { host: 'elsewhere', pid: 1, space: 'x' }, hour * 2);
    left('kept-new-without', undefined, hour * 2);
    left('gone-old-without', undefined, day * 2);
    left('kept-unreadable', '{"host":', hour / 2);
    left('gone-unreadable', '{"host":', hour * 2);
    writeFileSync(join(tmpdir(), 'vivarium-push-a-file'), '');
    await using other = await TemporaryFolder.make('push', 'other', clock);
    const names = ours().filter((name) => ![mine.path, other.path].some((path) => path.endsWith(name)));
    expect(names.toSorted()).toEqual([
      'vivarium-push-a-file',
      'vivarium-push-kept-elsewhere',
      'vivarium-push-kept-new-without',
      'vivarium-push-kept-unreadable',
    ]);
    expect(readdirSync(mine.path)).toEqual(['lease']);
  });
});

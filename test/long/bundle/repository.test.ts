import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { pack } from '../../../src/bundle/pack.ts';
import { pull } from '../../../src/bundle/pull.ts';
import { push } from '../../../src/bundle/push.ts';
import { declaredShape } from '../../../src/bundle/sources/chunk-shape.ts';
import { SqliteSource } from '../../../src/bundle/sources/sqlite-source.ts';
import { SqliteTarget } from '../../../src/bundle/sources/sqlite-target.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { differences, writeLargeDatabase, writeSmallSources } from '../../../tools/bundle/large-database.ts';
import { hasProgram, startDockerRegistry } from '../../../tools/servers/docker-registry.ts';
import { startBuildCacheProvider } from '../../support/build-cache-provider.ts';
import { middle, SCOPE } from '../../support/bundle-fixture.ts';
import { killPulls, killPushes } from '../../support/killed-transfers.ts';
import { OciRegistry } from '../../support/oci-registry.ts';
import { describeWithPrograms } from '../../support/real-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const clock = TestClock.atOnce(30_000);
/** `npm run bench -- bundle` has 100,000: each is a file that is flushed to the disk, which takes minutes on a slow one. */
const SMALL_SOURCES = 20_000;
const MEMORY = new URL('../../support/bundle-memory.ts', import.meta.url).pathname;

/** A real one where it is installed. */
const startAnyRegistry = () => (hasProgram('docker-registry') ? startDockerRegistry() : OciRegistry.start());

describe('a database as large as a repository', () => {
  it('of 20,000 sources and a million nodes comes back row for row', async () => {
    using folder = temporaryFolder();
    const made = writeLargeDatabase(folder.at('in.db'), 'node_modules', 20_000, 50);
    expect(made).toEqual({ sources: 20_000, nodes: 1_000_000 });
    const source = await SqliteSource.open({ clock: systemClock, path: folder.at('in.db'), producerVersion: '1' });
    const report = await pack(source, folder.at('out'), { clock, strict: true });
    await source.close();
    expect(report.chunks).toBe(20_000);
    const target = ({ meta }: { meta: Parameters<typeof declaredShape>[0] }) =>
      new SqliteTarget({ path: folder.at('out.db'), shape: declaredShape(meta), clock });
    await pull({ producer: 'mache', folder: folder.at('out'), target, clock, random: middle });
    expect(differences(folder.at('in.db'), folder.at('out.db'), true)).toBe(0);
  });

  it('is refused with 20,000 sources where packs are unknown, before anything is sent', async () => {
    await using provider = await startBuildCacheProvider();
    using folder = temporaryFolder();
    writeLargeDatabase(folder.at('in.db'), 'node_modules', 20_000);
    const source = await SqliteSource.open({ clock: systemClock, path: folder.at('in.db'), producerVersion: '1' });
    const remote = { url: provider.url, scope: SCOPE, tag: 'latest', digestMode: 'build-cache/v1' as const };
    await expect(push({ source, remote, clock, random: middle })).rejects.toMatchObject({ code: 'BUNDLE_TOO_LARGE' });
    await source.close();
    expect(provider.seen.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  it('of 20,000 small sources, more than a manifest has room for, goes through a registry from database to database, and again costs nothing', async () => {
    await using registry = await startAnyRegistry();
    using folder = temporaryFolder();
    const bytes = writeSmallSources(folder.at('in.db'), SMALL_SOURCES);
    const remote = { url: registry.url, scope: SCOPE };
    const pushed = async () => {
      const source = await SqliteSource.open({ clock: systemClock, path: folder.at('in.db'), producerVersion: '1' });
      const report = await push({
        source,
        folder: folder.at('packed'),
        remote: { ...remote, tag: 'latest' },
        clock,
        random: middle,
        strict: true,
      });
      await source.close();
      return report;
    };
    const first = await pushed();
    expect(first.packed).toMatchObject({ chunks: SMALL_SOURCES, bytes });
    // A blob for each source would take minutes: they travel in packs.
    expect(first.remote?.sent).toBeLessThan(SMALL_SOURCES / 100);
    expect((await pushed()).remote).toMatchObject({ sent: 0, unchanged: true });
    const target = ({ meta }: { meta: Parameters<typeof declaredShape>[0] }) =>
      new SqliteTarget({ path: folder.at('out.db'), shape: declaredShape(meta), clock });
    const report = await pull({
      producer: 'mache',
      remote: { ...remote, reference: 'latest' },
      target,
      clock,
      random: middle,
    });
    expect(report.restored).toMatchObject({ chunks: SMALL_SOURCES, bytes });
    expect(differences(folder.at('in.db'), folder.at('out.db'), false)).toBe(0);
  });

  it('takes no more memory at a gigabyte than at a tenth of it', () => {
    using folder = temporaryFolder();
    const peak = (megabytes: number) => {
      const path = folder.at(`${megabytes}.db`);
      const database = new DatabaseSync(path);
      database.exec(
        'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB); BEGIN',
      );
      const insert = database.prepare('INSERT INTO _source VALUES (?, ?, ?, randomblob(1048576))');
      for (let index = 0; index < megabytes; index++) insert.run(`f${index}`, `f${index}`, 'go');
      database.exec('COMMIT');
      database.close();
      expect(statSync(path).size).toBeGreaterThan(megabytes * 2 ** 20);
      const folders = [folder.at(`${megabytes}`), folder.at(`${megabytes}-restored.db`)];
      // Bounded here, because nothing else can end a test that waits synchronously.
      const out = execFileSync(process.execPath, [MEMORY, path, ...folders], { timeout: 300_000 });
      return Number(out.toString()) / 2 ** 20;
    };
    const [small, large] = [peak(100), peak(1024)];
    console.log(`peak memory: ${Math.round(small)} MiB at 100 MiB, ${Math.round(large)} MiB at 1 GiB`);
    expect(large).toBeLessThan(small + 64);
  });
});

describeWithPrograms(['docker-registry'], 'a real registry', () => {
  it('takes 10,000 sources and gives them back', async () => {
    await using registry = await startDockerRegistry();
    using folder = temporaryFolder();
    writeLargeDatabase(folder.at('in.db'), 'node_modules', 10_000);
    const source = await SqliteSource.open({ clock: systemClock, path: folder.at('in.db'), producerVersion: '1' });
    const remote = { url: registry.url, scope: SCOPE, tag: 'latest', reference: 'latest' };
    const report = await push({ source, remote, clock, random: middle });
    await source.close();
    expect(report.packed.chunks).toBe(10_000);
    const target = ({ meta }: { meta: Parameters<typeof declaredShape>[0] }) =>
      new SqliteTarget({ path: folder.at('out.db'), shape: declaredShape(meta), clock });
    await pull({ producer: 'mache', remote, target, clock, random: middle });
    expect(differences(folder.at('in.db'), folder.at('out.db'), false)).toBe(0);
  });
});

describe('kill -9, at many moments', () => {
  const moments = Array.from({ length: 24 }, (_, index) => ({
    request: 1 + ((index * 7) % 17),
    delayMs: (index * 13) % 90,
  }));

  it('of a pull leaves the target as it was, or complete', async () => {
    const { killed } = await killPulls(moments);
    expect(killed).toBeGreaterThan(8);
  });

  it('of a push leaves no manifest without its chunks', async () => {
    const { killed } = await killPushes(
      moments.map(({ request, delayMs }) => ({ request: request * 3, delayMs: delayMs / 9 })),
    );
    expect(killed).toBeGreaterThan(5);
  });
});

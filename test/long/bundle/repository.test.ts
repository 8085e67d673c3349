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
import { OciRegistry } from '../../support/oci-registry.ts';
import { describeWithPrograms } from '../../support/real-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const clock = TestClock.atOnce(30_000);
/** `npm run bench -- bundle` has 100,000: each is a file that is flushed to the disk, which takes minutes on a slow one. */
const SMALL_SOURCES = 20_000;

/** A real one where it is installed. */
const startAnyRegistry = () => (hasProgram('docker-registry') ? startDockerRegistry() : OciRegistry.start());

describe('a database as large as a repository', () => {
  it('of 8,000 sources and 400,000 nodes comes back row for row', async () => {
    using folder = temporaryFolder();
    const made = writeLargeDatabase(folder.at('in.db'), 'node_modules', 8_000, 50);
    expect(made).toEqual({ sources: 8_000, nodes: 400_000 });
    const source = await SqliteSource.open({ clock: systemClock, path: folder.at('in.db'), producerVersion: '1' });
    const report = await pack(source, folder.at('out'), { clock, strict: true });
    await source.close();
    expect(report.chunks).toBe(8_000);
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
});

describeWithPrograms(['docker-registry'], 'a real registry', () => {
  it('takes 1,000 sources and gives them back', async () => {
    await using registry = await startDockerRegistry();
    using folder = temporaryFolder();
    writeLargeDatabase(folder.at('in.db'), 'node_modules', 1_000);
    const source = await SqliteSource.open({ clock: systemClock, path: folder.at('in.db'), producerVersion: '1' });
    const remote = { url: registry.url, scope: SCOPE, tag: 'latest', reference: 'latest' };
    const report = await push({ source, remote, clock, random: middle });
    await source.close();
    expect(report.packed.chunks).toBe(1_000);
    const target = ({ meta }: { meta: Parameters<typeof declaredShape>[0] }) =>
      new SqliteTarget({ path: folder.at('out.db'), shape: declaredShape(meta), clock });
    await pull({ producer: 'mache', remote, target, clock, random: middle });
    expect(differences(folder.at('in.db'), folder.at('out.db'), false)).toBe(0);
  });
});

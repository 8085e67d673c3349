import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { engineProfileId } from '#cache';
import { TestClock } from '../../src/testing/clock.ts';
import { answersOf, expectedAnswers, type TestComponent, testComponent } from '../../tools/cache/components.ts';
import { profilesLike, testProfile } from '../../tools/cache/profile.ts';
import { temporaryFolder, testCache } from './support/cache.ts';
import { entryFiles } from './support/entries.ts';

const components = [0, 1, 2, 3, 4].map(testComponent);
const digests = (entries: readonly { wasmDigest: string }[]): string[] => entries.map(({ wasmDigest }) => wasmDigest);
const namesOf = (all: readonly TestComponent[]): string[] => all.map(({ digest }) => digest);

/** A root with an entry for each component, used one after the other, a second apart. */
async function filled(clock: TestClock, profile = testProfile, root = temporaryFolder()): Promise<string> {
  for (const component of components) {
    const cache = testCache(root, { clock, profiles: profilesLike(profile) });
    await cache.get(component);
    await cache.manager.close();
    clock.advance(1_000);
  }
  return root;
}

describe('pruneDisk', () => {
  it('deletes what was used least recently until the rest fits', async () => {
    const clock = new TestClock();
    const root = await filled(clock);
    const again = testCache(root, { clock });
    await again.get(components[0] as TestComponent);
    const all = await again.manager.pruneDisk({ maxBytes: 0, dryRun: true });
    const each = all.removedBytes / components.length;
    const report = await again.manager.pruneDisk({ maxBytes: Math.ceil(each * 2) + 10 });
    expect(digests(report.removed)).toEqual(namesOf(components.slice(1, 4)));
    expect(report).toMatchObject({ keptEntries: 2, failed: [], dryRun: false });
    expect(report.removedBytes + report.keptBytes).toBe(all.removedBytes);
    for (const component of components) {
      const { artifact, metadata } = entryFiles(root, component);
      const kept = [components[0], components[4]].includes(component);
      expect([existsSync(artifact), existsSync(metadata)]).toEqual([kept, kept]);
    }
  });

  it('takes other profiles first, and their folders when nothing is left in them', async () => {
    const clock = new TestClock();
    const root = await filled(clock);
    const newer = { ...testProfile, jcoVersion: '0.16.0' };
    await filled(clock, newer, root);
    // The older entries belong to the profile that prunes now.
    const cache = testCache(root, { clock });
    const report = await cache.manager.pruneDisk({
      maxBytes: (await cache.manager.pruneDisk({ maxBytes: 0, dryRun: true })).removedBytes / 2,
    });
    expect(new Set(report.removed.map(({ engineProfileId }) => engineProfileId))).toEqual(
      new Set([engineProfileId(newer)]),
    );
    expect(readdirSync(join(root, 'v1'))).toEqual([engineProfileId(testProfile)]);
  });

  it('keeps the profiles that it is told to keep, and deletes by age whatever the size', async () => {
    const clock = new TestClock();
    const root = await filled(clock);
    const { manager } = testCache(root, { clock });
    const keepProfiles = [engineProfileId(testProfile)];
    expect((await manager.pruneDisk({ maxBytes: 0, maxAge: 0, keepProfiles })).removed).toEqual([]);
    const { removed } = await manager.pruneDisk({ maxAge: 2_500 });
    expect(removed.map(({ wasmDigest, why }) => [wasmDigest, why])).toEqual(
      namesOf(components.slice(0, 3)).map((digest) => [digest, 'age']),
    );
  });

  it('deletes nothing in a dry run', async () => {
    const root = await filled(new TestClock());
    const before = readdirSync(root, { recursive: true }).toSorted();
    const report = await testCache(root).manager.pruneDisk({ maxBytes: 0, dryRun: true });
    expect(report.removed).toHaveLength(5);
    expect(readdirSync(root, { recursive: true }).toSorted()).toEqual(before);
  });

  it('is not fooled by times ahead of now: what a wrong clock wrote is not kept for ever', async () => {
    const clock = new TestClock();
    const root = await filled(clock);
    clock.setWall(clock.now() - 365 * 86_400_000);
    const { removed } = await testCache(root, { clock }).manager.pruneDisk({ maxBytes: 0 });
    expect(removed).toHaveLength(5);
    expect(removed.every(({ lastUsedAt }) => lastUsedAt <= clock.now())).toBe(true);
  });

  it('clears what interrupted writers left, once it is old', async () => {
    const clock = new TestClock();
    const root = await filled(clock);
    const { tmp, locks, artifacts } = entryFiles(root, testComponent(1));
    const orphan = entryFiles(root, testComponent(50)).metadata;
    const old = [join(tmp, 'a.tmp'), join(locks, `${'0'.repeat(64)}.1`), join(locks, 'x.failed'), orphan];
    const young = [join(tmp, 'b.tmp')];
    for (const path of [...old, ...young]) writeFileSync(path, '');
    for (const path of old) utimesSync(path, new Date(), new Date(clock.now() - 3_700_000));
    for (const path of young) utimesSync(path, new Date(), new Date(clock.now() - 1_000));
    writeFileSync(join(artifacts, 'README'), 'not ours');
    const report = await testCache(root, { clock }).manager.pruneDisk();
    expect(report).toMatchObject({ leftovers: old.length, keptEntries: 5, removed: [] });
    expect(old.filter(existsSync)).toEqual([]);
    expect(young.every(existsSync)).toBe(true);
    expect(readFileSync(join(artifacts, 'README'), 'utf8')).toBe('not ours');
  });

  it('has nothing to do where there is no cache yet, and says when there is none at all', async () => {
    const missing = testCache(join(temporaryFolder(), 'missing'));
    expect(await missing.manager.pruneDisk()).toMatchObject({ removed: [], keptEntries: 0 });
    const none = testCache('', { config: { root: false } });
    await expect(none.manager.pruneDisk()).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' });
  });

  it('may run while others read and build: they get the right components', async () => {
    const root = await filled(new TestClock());
    let pruning = true;
    const pruner = (async () => {
      const { manager } = testCache(root);
      for (let turn = 0; turn < 30; turn += 1) await manager.pruneDisk({ maxBytes: 0 });
      pruning = false;
    })();
    let read = 0;
    while (pruning) {
      const cache = testCache(root);
      for (const component of components) {
        expect(answersOf(await cache.get(component))).toEqual(expectedAnswers(component));
        read += 1;
      }
      expect(cache.manager.metrics().damaged).toBe(0);
      expect(cache.troubles).toEqual([]);
      await cache.manager.close();
    }
    await pruner;
    expect(read).toBeGreaterThan(0);
  });

  it('leaves folders that are not the cache’s alone', async () => {
    const root = await filled(new TestClock());
    mkdirSync(join(root, 'v2', 'x'), { recursive: true });
    mkdirSync(join(root, 'v1', 'notes'), { recursive: true });
    await testCache(root).manager.pruneDisk({ maxBytes: 0 });
    expect(existsSync(join(root, 'v2', 'x'))).toBe(true);
    expect(existsSync(join(root, 'v1', 'notes'))).toBe(true);
  });
});

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { engineProfileId } from '#cache';
import { TestClock } from '../../src/testing/clock.ts';
import { testComponent } from '../../tools/cache/components.ts';
import { profilesLike, testProfile } from '../../tools/cache/profile.ts';
import { temporaryFolder, testCache } from './support/cache.ts';
import { entryFiles } from './support/entries.ts';

const components = Array.from({ length: 6 }, (_, index) => testComponent(index));

/** Bytes of all entries with their metadata. A use that is written down late leaves metadata alone, for an hour. */
function bytesIn(root: string): number {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.viva'))
    .flatMap((name) => [join(root, name), join(root, name.replace(/viva$/, 'json'))])
    .reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** Which of the components have an entry. */
const kept = (root: string): number[] =>
  components.flatMap((component, index) => (existsSync(entryFiles(root, component).artifact) ? [index] : []));

/** Bytes that one entry takes, a little more than the largest. */
async function entryBytes(): Promise<number> {
  const root = temporaryFolder();
  const cache = testCache(root);
  await cache.get(testComponent(0));
  await cache.manager.close();
  return bytesIn(root) + 64;
}

describe('the limit of the disk tier', () => {
  it('holds by itself: the least recently used entries go, and no load waits for it', async () => {
    const clock = new TestClock();
    const root = temporaryFolder();
    const cache = testCache(root, { clock, config: { maxDiskBytes: 3 * (await entryBytes()) } });
    for (const component of components) {
      await cache.get(component);
      // A hit makes the first one the most recently used.
      await cache.get(components[0]!);
      clock.advance(1);
    }
    expect(kept(root)).toHaveLength(6);
    clock.advance(10_000);
    await expect.poll(() => cache.manager.metrics().sweeps).toBe(1);
    expect(kept(root)).toEqual([0, 4, 5]);
    expect(cache.manager.metrics()).toMatchObject({ swept: 3, diskBytes: bytesIn(root), disk: 'ready' });
  });

  it("takes other engines' entries first", async () => {
    const clock = new TestClock();
    const root = temporaryFolder();
    const other = testCache(root, { clock, profiles: profilesLike({ ...testProfile, jcoVersion: '99.0.0' }) });
    clock.advance(60_000);
    for (const component of components.slice(0, 2)) await other.get(component);
    await other.manager.close();
    const cache = testCache(root, { clock, config: { maxDiskBytes: 2 * (await entryBytes()) } });
    for (const component of components.slice(2, 4)) await cache.get(component);
    await cache.manager.close();
    expect(readdirSync(join(root, 'v1'))).toEqual([engineProfileId(testProfile)]);
    expect(kept(root)).toEqual([2, 3]);
  });

  it('holds when a process that wrote is closed before the sweep', async () => {
    const root = temporaryFolder();
    for (const component of components) {
      const cache = testCache(root, { config: { maxDiskBytes: 2 * (await entryBytes()) } });
      await cache.get(component);
      await cache.manager.close();
      expect(cache.manager.metrics().sweeps).toBe(1);
    }
    expect(kept(root)).toHaveLength(2);
  });

  it('does not look at the disk again for writes that fit, nor for reads', async () => {
    const clock = new TestClock();
    const root = temporaryFolder();
    const cache = testCache(root, { clock });
    for (const component of components) {
      await cache.get(component);
      clock.advance(10_000);
      await cache.manager.survey();
    }
    await cache.manager.close();
    expect(cache.manager.metrics()).toMatchObject({ sweeps: 1, swept: 0 });
    const reading = testCache(root, { clock });
    await reading.get(components[0]!);
    clock.advance(10_000);
    await reading.manager.close();
    expect(reading.manager.metrics()).toMatchObject({ sweeps: 0, diskHits: 1, diskBytes: undefined });
  });

  it('holds after every close, whatever is built, hit and written by others', async () => {
    const each = await entryBytes();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 5 }),
        fc.array(fc.array(fc.nat(5), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        async (limit, runs) => {
          const root = temporaryFolder();
          for (const gets of runs) {
            const caches = [0, 1].map(() => testCache(root, { config: { maxDiskBytes: limit * each } }));
            await Promise.all(gets.map((index, at) => caches[at % 2]!.get(components[index]!)));
            await Promise.all(caches.map(({ manager }) => manager.close()));
            for (const { troubles } of caches) expect(troubles).toEqual([]);
            expect(bytesIn(root)).toBeLessThanOrEqual(limit * each);
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

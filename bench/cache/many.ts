import { hash } from 'node:crypto';
import * as promises from 'node:fs/promises';
import { CacheManager, type CacheManagerOptions, currentEngineProfiles, resolveCacheConfig } from '#cache';
import { systemClock, systemRandom } from '../../src/system/clock.ts';
import { HmacTrust } from '../../tools/cache/hmac-trust.ts';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { artifactOf } from './artifacts.ts';
import { information } from './start.ts';

const profiles = currentEngineProfiles({ jcoVersion: 'bench', meteringVersion: 'bench', configuration: {} });
const ENTRIES = 10_000;

/** Ten thousand entries are written for the measurement: waiting for the disk at each would measure the disk. */
const hasty: NonNullable<CacheManagerOptions['files']> = {
  ...promises,
  open: async (path, flags, mode) => {
    const handle = await promises.open(path, flags, mode);
    handle.sync = async () => {};
    return handle;
  },
};

function cacheOn(root: string, files?: CacheManagerOptions['files']): CacheManager {
  const config = resolveCacheConfig({ root, memoryBytes: 0 });
  return new CacheManager({
    profiles,
    trust: new HmacTrust(),
    clock: systemClock,
    random: systemRandom,
    config,
    files,
  });
}

const digestOf = (index: number): string => `sha256:${hash('sha256', `component ${index}`)}`;

/** Examining, pruning and hitting a cache of ten thousand entries of a small component. */
export async function manyEntries(report: Report, folder: string, small: Uint8Array): Promise<void> {
  const artifact = await artifactOf(small);
  const few = `${folder}/few`;
  const many = `${folder}/many`;
  for (const [root, count] of [
    [few, 10],
    [many, ENTRIES],
  ] as const) {
    const writer = cacheOn(root, hasty);
    for (let index = 0; index < count; index += 1) {
      await writer.get(await writer.keyOf(digestOf(index)), async () => artifact);
    }
  }
  const hit = async (root: string): Promise<number> => {
    const started = performance.now();
    for (let index = 0; index < 10; index += 1) {
      const cache = cacheOn(root);
      await cache.get(await cache.keyOf(digestOf(index)), () =>
        Promise.reject(new Error('built although it was there')),
      );
    }
    return (performance.now() - started) / 10;
  };
  await hit(few);
  const { a, b, ratio } = await paired(
    31,
    () => hit(many),
    () => hit(few),
  );
  report({
    figure: 'a hit among 10,000 entries',
    value: ratio,
    unit: 'times',
    peer: 'among 10',
    goal: '<= 1.1',
    holds: ratio <= 1.1,
  });
  report(information('a hit among 10,000 entries', a));
  report(information('a hit among 10 entries', b));

  const cache = cacheOn(many);
  const { entries, bytes } = await cache.survey();
  report(information('entries examined and pruned', entries, `entries of ${Math.round(bytes / entries / 1024)} KiB`));
  const examined = await seconds(() => cache.doctor());
  report({ figure: 'doctor, 10,000 entries', value: examined, unit: 's', goal: '< 20', holds: examined < 20 });
  const pruned = await seconds(() => cache.pruneDisk({ maxBytes: bytes / 2 }));
  report({ figure: 'prune of 10,000 entries to half', value: pruned, unit: 's', goal: '< 2', holds: pruned < 2 });
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}

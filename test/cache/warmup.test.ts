import { describe, expect, it } from 'vitest';
import type { WarmupItem, WarmupProgress } from '#cache';
import { VivariumError } from '#core/errors';
import { artifactOf, type TestComponent, testComponent } from '../../tools/cache/components.ts';
import { temporaryFolder, testCache } from './support/cache.ts';

const components = [0, 1, 2, 3, 4, 5, 6, 7].map(testComponent);
const BAD = 3;

function itemsOf(all: readonly TestComponent[]): (WarmupItem & { loads: () => number })[] {
  return all.map((component) => {
    let loads = 0;
    return {
      name: `${component.value}.wasm`,
      digest: component.digest,
      loads: () => loads,
      load: async () => {
        loads += 1;
        return component.bytes;
      },
    };
  });
}

/** A builder that refuses one component. */
function builder(bad?: number) {
  return {
    build: async (bytes: Uint8Array) => {
      const value = Number(Buffer.from(bytes).toString().split(' ')[1]);
      if (value === bad) throw new VivariumError('RUNTIME_INVALID_COMPONENT', 'component text');
      return artifactOf(testComponent(value));
    },
  };
}

describe('warmup', () => {
  it('makes everything ready, tells how far it is, and does nothing the second time', async () => {
    const root = temporaryFolder();
    const first = testCache(root, { builder: builder() });
    const seen: WarmupProgress[] = [];
    const report = await first.manager.warmup(itemsOf(components), 'strict', { onProgress: (one) => seen.push(one) });
    expect(report).toEqual({ total: 8, built: 8, ready: 0, failed: [] });
    expect(seen.map(({ done, total, outcome }) => [done, total, outcome])).toEqual(
      components.map((_, index) => [index + 1, 8, 'built']),
    );
    const items = itemsOf(components);
    const second = testCache(root, { builder: builder() });
    expect(await second.manager.warmup(items)).toEqual({ total: 8, built: 0, ready: 8, failed: [] });
    expect(items.every(({ loads }) => loads() === 0)).toBe(true);
  });

  it('goes on past a bad component with best effort', async () => {
    const { manager } = testCache(temporaryFolder(), { builder: builder(BAD) });
    const { built, failed } = await manager.warmup(itemsOf(components), 'best-effort');
    expect(built).toBe(7);
    expect(failed).toMatchObject([{ name: '3.wasm', error: { code: 'RUNTIME_INVALID_COMPONENT' } }]);
  });

  it('ends at a bad component when it is strict, and leaves nothing under way', async () => {
    const { manager } = testCache(temporaryFolder(), { builder: builder(BAD) });
    const items = itemsOf(components);
    await expect(manager.warmup(items, 'strict', { concurrency: 1 })).rejects.toMatchObject({
      code: 'CACHE_WARMUP_FAILED',
      message: expect.stringContaining('3.wasm'),
      cause: { code: 'RUNTIME_INVALID_COMPONENT' },
      details: { built: 3, total: 8 },
    });
    expect(items.map(({ loads }) => loads())).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    expect(manager.metrics()).toMatchObject({ compiles: 4, stores: 3 });
  });

  it('works on as many at a time as it may', async () => {
    let now = 0;
    let pair = Promise.withResolvers<void>();
    const inPairs = {
      // Nobody goes on alone: with less than two at a time this would never end.
      build: async (bytes: Uint8Array) => {
        now += 1;
        expect(now).toBeLessThanOrEqual(2);
        const { promise, resolve } = pair;
        if (now === 2) {
          resolve();
          pair = Promise.withResolvers();
        }
        await promise;
        now -= 1;
        return builder().build(bytes);
      },
    };
    const { manager } = testCache(temporaryFolder(), { builder: inPairs });
    expect(await manager.warmup(itemsOf(components), 'strict', { concurrency: 2 })).toMatchObject({ built: 8 });
  });

  it('finds out digests that it is not told, loading each component once', async () => {
    const { manager } = testCache(temporaryFolder(), { builder: builder() });
    const items = itemsOf(components).map((item) => ({ ...item, digest: undefined }));
    expect(await manager.warmup(items)).toMatchObject({ built: 8 });
    expect(items.map(({ loads }) => loads())).toEqual(Array(8).fill(1));
  });

  it('reports a component that is not what its digest says, or cannot be loaded', async () => {
    const { manager } = testCache(temporaryFolder(), { builder: builder() });
    const [good, wrong, missing] = [0, 1, 2].map((value) => itemsOf([testComponent(value)])[0] as WarmupItem) as [
      WarmupItem,
      WarmupItem,
      WarmupItem,
    ];
    const report = await manager.warmup([
      good,
      { ...wrong, load: good.load },
      { ...missing, load: () => Promise.reject(new Error('no such file')) },
    ]);
    expect(report.built).toBe(1);
    expect(report.failed).toMatchObject([
      { name: '1.wasm', error: { code: 'CACHE_DIGEST_MISMATCH' } },
      { name: '2.wasm', error: { message: 'no such file' } },
    ]);
  });
});

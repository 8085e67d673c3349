import { describe, expect, it } from 'vitest';
import { VivariumError } from '#core/errors';
import type { MeteringMode } from '#core/ports/meter';
import { TestClock } from '../../src/testing/clock.ts';
import { answersOf, artifactOf, expectedAnswers, testComponent } from '../../tools/cache/components.ts';
import { temporaryFolder, testCache } from './support/cache.ts';

const hello = testComponent(7);

describe('CacheManager.get', () => {
  it('builds once, then serves from memory, and after a restart from disk', async () => {
    const root = temporaryFolder();
    const first = testCache(root);
    expect(answersOf(await first.get(hello))).toEqual(expectedAnswers(hello));
    expect(answersOf(await first.get(hello))).toEqual(expectedAnswers(hello));
    expect(first.manager.metrics()).toMatchObject({
      compiles: 1,
      memoryHits: 1,
      diskHits: 0,
      stores: 1,
      disk: 'ready',
    });
    await first.manager.close();

    const second = testCache(root);
    const compiled = await second.get(hello);
    expect(answersOf(compiled)).toEqual(expectedAnswers(hello));
    expect(compiled.artifact).toEqual(artifactOf(hello));
    expect(second.builds()).toBe(0);
    expect(second.manager.metrics()).toMatchObject({ compiles: 0, diskHits: 1, diskReads: 1 });
    expect(second.troubles).toEqual([]);
  });

  it('joins callers that ask at the same time', async () => {
    const cache = testCache(temporaryFolder());
    const all = await Promise.all(Array.from({ length: 64 }, () => cache.get(hello)));
    expect(cache.builds()).toBe(1);
    expect(new Set(all).size).toBe(1);
    expect(cache.manager.metrics().waits).toBe(63);
  });

  it('gives all who wait the same error, and builds again for the next', async () => {
    const { manager } = testCache(temporaryFolder());
    const key = await manager.keyOf(hello.digest);
    let builds = 0;
    const failing = async (): Promise<never> => {
      builds += 1;
      throw new VivariumError('RUNTIME_ABORTED', `failure ${builds}`);
    };
    const errors = await Promise.all([1, 2, 3].map(() => manager.get(key, failing).catch((error: unknown) => error)));
    expect(new Set(errors).size).toBe(1);
    expect(builds).toBe(1);
    expect(answersOf(await manager.get(key, async () => artifactOf(hello)))).toEqual(expectedAnswers(hello));
  });

  it('remembers an invalid component for a short while, also for other processes', async () => {
    const root = temporaryFolder();
    const clock = new TestClock();
    const one = testCache(root, { clock, config: { negativeMs: 5_000 } });
    const other = testCache(root, { clock, config: { negativeMs: 5_000 } });
    const key = await one.manager.keyOf(hello.digest);
    let builds = 0;
    const failing = async (): Promise<never> => {
      builds += 1;
      throw new VivariumError('RUNTIME_INVALID_COMPONENT', 'it is a core module', { details: { offset: 4 } });
    };
    for (const { manager } of [one, one, other, other]) {
      await expect(manager.get(key, failing)).rejects.toMatchObject({
        code: 'RUNTIME_INVALID_COMPONENT',
        message: 'it is a core module',
        details: { offset: 4 },
      });
    }
    expect(builds).toBe(1);
    clock.advance(5_000);
    expect(answersOf(await one.get(hello))).toEqual(expectedAnswers(hello));
    expect(answersOf(await other.get(hello))).toEqual(expectedAnswers(hello));
  });

  it('lets one caller give up without taking it from the others', async () => {
    const { manager } = testCache(temporaryFolder());
    const key = await manager.keyOf(hello.digest);
    const { promise, resolve } = Promise.withResolvers<void>();
    const build = async () => {
      await promise;
      return artifactOf(hello);
    };
    const impatient = new AbortController();
    const gone = manager.get(key, build, impatient.signal);
    const patient = manager.get(key, build);
    impatient.abort();
    await expect(gone).rejects.toMatchObject({ code: 'CACHE_ABORTED' });
    resolve();
    expect(answersOf(await patient)).toEqual(expectedAnswers(hello));
  });

  it('aborts the build when nobody waits any more, and starts anew for the next', async () => {
    const { manager } = testCache(temporaryFolder());
    const key = await manager.keyOf(hello.digest);
    const controller = new AbortController();
    const started = Promise.withResolvers<AbortSignal | undefined>();
    const gone = manager.get(
      key,
      (signal) => {
        started.resolve(signal);
        return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      },
      controller.signal,
    );
    const signal = await started.promise;
    controller.abort();
    await expect(gone).rejects.toMatchObject({ code: 'CACHE_ABORTED' });
    expect(signal?.aborted).toBe(true);
    expect(answersOf(await manager.get(key, async () => artifactOf(hello)))).toEqual(expectedAnswers(hello));
  });

  it('refuses a key of another engine, a digest with a path in it, and everything after close', async () => {
    const { manager } = testCache(temporaryFolder());
    const key = await manager.keyOf(hello.digest);
    const build = async () => artifactOf(hello);
    for (const wrong of [
      { ...key, engineProfileId: '0'.repeat(64) },
      { ...key, wasmDigest: 'sha256:../../../../etc/passwd' },
      { ...key, wasmDigest: `sha256:../${'a'.repeat(61)}` },
      { ...key, wasmDigest: key.wasmDigest.toUpperCase() },
      { ...key, wasmDigest: `${key.wasmDigest}\n` },
      { ...key, engineProfileId: '..' },
    ]) {
      await expect(manager.get(wrong, build)).rejects.toMatchObject({ code: 'CACHE_INVALID_KEY' });
    }
    await manager.close();
    await expect(manager.get(key, build)).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
  });

  it('says when the engine refuses a module that was built, and keeps nothing of it', async () => {
    const cache = testCache(temporaryFolder());
    const key = await cache.manager.keyOf(hello.digest);
    const broken = { ...artifactOf(hello), coreModules: [{ name: 'a', bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d) }] };
    await expect(cache.manager.get(key, async () => broken)).rejects.toMatchObject({ code: 'CACHE_COMPILE_FAILED' });
    expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
  });

  it('works without a disk tier', async () => {
    const cache = testCache('', { config: { root: false } });
    await cache.get(hello);
    await cache.get(hello);
    expect(cache.builds()).toBe(1);
    expect(cache.manager.metrics().disk).toBe('none');
  });

  it('evicts by weight, and counts it', async () => {
    const cache = testCache('', { config: { root: false, memoryBytes: 600 } });
    for (let value = 0; value < 10; value += 1) await cache.get(testComponent(value));
    const { memoryBytes, evictions, memoryEntries } = cache.manager.metrics();
    expect(memoryBytes).toBeLessThanOrEqual(600);
    expect(memoryEntries).toBeGreaterThan(0);
    expect(evictions).toBe(10 - memoryEntries);
  });
});

describe('CacheManager.getComponent', () => {
  it('loads the bytes on a miss only, and builds nothing but what the digest names', async () => {
    const root = temporaryFolder();
    const built: string[] = [];
    const builder = {
      build: async (bytes: Uint8Array) => {
        built.push(Buffer.from(bytes).toString());
        return artifactOf(hello);
      },
    };
    const { manager } = testCache(root, { builder });
    const key = await manager.keyOf(hello.digest);
    await expect(manager.getComponent(key, async () => testComponent(8).bytes)).rejects.toMatchObject({
      code: 'CACHE_DIGEST_MISMATCH',
    });
    expect(built).toEqual([]);
    await manager.getComponent(key, async () => hello.bytes);
    await manager.getComponent(key, () => Promise.reject(new Error('was loaded on a hit')));
    const restarted = testCache(root, { builder });
    await restarted.manager.getComponent(key, () => Promise.reject(new Error('was loaded on a hit')));
    expect(built).toEqual(['component 7']);
  });

  it('keeps the two metering modes apart', async () => {
    const modes: string[] = [];
    const builder = {
      build: async (_: Uint8Array, meteringMode: MeteringMode) => {
        modes.push(meteringMode);
        return { ...artifactOf(hello), meteringMode };
      },
    };
    const { manager } = testCache(temporaryFolder(), { builder });
    for (const mode of ['fuel', 'deadline', 'fuel', 'deadline'] as const) {
      const key = await manager.keyOf(hello.bytes, mode);
      const { artifact } = await manager.getComponent(key, async () => hello.bytes);
      expect(artifact.meteringMode).toBe(mode);
    }
    expect(modes).toEqual(['fuel', 'deadline']);
  });
});

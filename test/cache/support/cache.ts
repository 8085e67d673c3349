import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type CacheError, CacheManager, type CacheManagerOptions, type CacheOptions, resolveCacheConfig } from '#cache';
import type { CompiledArtifact } from '#core/ports/artifact';
import { systemClock, systemRandom } from '../../../src/system/clock.ts';
import { artifactOf, type TestComponent } from '../../../tools/cache/components.ts';
import { HmacTrust } from '../../../tools/cache/hmac-trust.ts';
import { profilesLike, testProfile } from '../../../tools/cache/profile.ts';

/** A folder of the test's own, gone when it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-cache-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface TestCache {
  readonly manager: CacheManager;
  readonly root: string;
  /** What the cache complained of. */
  readonly troubles: CacheError[];
  /** How often something was built. */
  readonly builds: () => number;
  readonly get: (component: TestComponent) => Promise<CompiledArtifact>;
}

export type TestCacheOptions = Partial<Omit<CacheManagerOptions, 'config'>> & { readonly config?: CacheOptions };

/** A cache on real files with a real seal, whose builds are counted. */
export function testCache(root: string, options: TestCacheOptions = {}): TestCache {
  const troubles: CacheError[] = [];
  let builds = 0;
  const manager = new CacheManager({
    profiles: profilesLike(testProfile),
    trust: new HmacTrust(),
    clock: systemClock,
    random: systemRandom,
    onTrouble: (error) => troubles.push(error),
    ...options,
    config: resolveCacheConfig({ root, ...options.config }),
  });
  return {
    manager,
    root,
    troubles,
    builds: () => builds,
    get: async (component) =>
      manager.get(await manager.keyOf(component.digest), async () => {
        builds += 1;
        return artifactOf(component);
      }),
  };
}

import type { CacheManager, CacheSurvey } from '#cache';
import { isVivariumError } from '#core/errors';
import type { ArtifactKey } from '#core/ports/artifact';

/** The artifact cache on disk with its first artifacts. */
export interface CachedArtifacts extends CacheSurvey {
  readonly artifacts: readonly ArtifactKey[];
}

/** @returns undefined for a cache that is in memory only @throws `CACHE_UNAVAILABLE` if the disk fails */
export async function cachedArtifacts(cache: CacheManager, limit: number): Promise<CachedArtifacts | undefined> {
  if (!hasDisk(cache)) return undefined;
  const survey = await cache.survey();
  const artifacts: ArtifactKey[] = [];
  for await (const key of cache.store.list()) {
    if (artifacts.length >= limit) break;
    artifacts.push(key);
  }
  return { ...survey, artifacts };
}

function hasDisk(cache: CacheManager): boolean {
  try {
    return cache.root !== '';
  } catch (error) {
    if (isVivariumError(error, 'CACHE_UNAVAILABLE')) return false;
    throw error;
  }
}

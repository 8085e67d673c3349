import type { DiskStatistics } from './disk.ts';
import type { MemoryStatistics } from './memory.ts';
import type { BuildStatistics } from './shared-builds.ts';
import type { SweeperStatistics } from './sweeper.ts';

/** The counts of the cache since it was made. */
export interface CacheMetrics {
  readonly memoryHits: number;
  readonly memoryEntries: number;
  /** The weight of the memory tier: generated text, and each module twice. */
  readonly memoryBytes: number;
  readonly evictions: number;
  readonly diskHits: number;
  /** The entry files that were read, once for each hit, and their bytes. */
  readonly diskReads: number;
  readonly diskReadBytes: number;
  readonly stores: number;
  readonly storeFailures: number;
  /** Entries on disk that were damaged, edited or planted, and therefore not used. */
  readonly damaged: number;
  /** Builds that were started. */
  readonly compiles: number;
  /** Callers that waited for a build of another caller, thread or process. */
  readonly waits: number;
  readonly failures: number;
  /** Callers that learned at once that a component is invalid. */
  readonly negativeHits: number;
  /**
   * The bytes of all engines' entries on disk: the last count plus what was written since; undefined before the first
   * count.
   */
  readonly diskBytes: number | undefined;
  /** How often the disk tier's limit was enforced, and how many entries this deleted. */
  readonly sweeps: number;
  readonly swept: number;
  /** `none`: there is no disk tier; `suspended`: nothing is written for a while; `off`: its folder is not safe. */
  readonly disk: DiskStatistics['state'] | 'none';
  readonly diskTrouble: string | undefined;
}

export function metricsOf(
  memory: MemoryStatistics,
  disk: (DiskStatistics & SweeperStatistics) | undefined,
  { compiles, waits, failures, negativeHits }: BuildStatistics,
  joined: number,
): CacheMetrics {
  return {
    memoryHits: memory.hits,
    memoryEntries: memory.entries,
    memoryBytes: memory.bytes,
    evictions: memory.evictions,
    diskHits: disk?.hits ?? 0,
    diskReads: disk?.reads ?? 0,
    diskReadBytes: disk?.readBytes ?? 0,
    stores: disk?.stores ?? 0,
    storeFailures: disk?.storeFailures ?? 0,
    damaged: disk?.damaged ?? 0,
    compiles,
    waits: joined + waits,
    failures,
    negativeHits,
    diskBytes: disk?.diskBytes,
    sweeps: disk?.sweeps ?? 0,
    swept: disk?.swept ?? 0,
    disk: disk?.state ?? 'none',
    diskTrouble: disk?.trouble,
  };
}

import pLimit from 'p-limit';
import { messageOf } from '#core/errors';
import type { ArtifactKey, CompiledArtifact } from '#core/ports/artifact';
import type { MeteringMode } from '#core/ports/meter';
import { CacheError } from './errors.ts';

/** A component to build before it is needed. */
export interface WarmupItem {
  /** The name in reports, for example a path. */
  readonly name: string;
  /**
   * The digest `sha256:…` if a lock file or a registry names it. A component that is built already is then not even
   * loaded.
   */
  readonly digest?: string | undefined;
  readonly meteringMode?: MeteringMode | undefined;
  /** The absolute path of its file, for `installed`. */
  readonly origin?: string | undefined;
  load(): Promise<Uint8Array>;
}

/** `best-effort`: failures are reported and the others go on. `strict`: the first failure ends the warm-up. */
export type WarmupMode = 'best-effort' | 'strict';

export interface WarmupProgress {
  readonly done: number;
  readonly total: number;
  readonly name: string;
  readonly outcome: 'built' | 'ready' | 'failed';
}

export interface WarmupOptions {
  /** How many items are built at the same time; 4 by default. */
  readonly concurrency?: number | undefined;
  readonly onProgress?: ((progress: WarmupProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WarmupReport {
  readonly total: number;
  readonly built: number;
  /** The number of components that were built already. */
  readonly ready: number;
  readonly failed: readonly { readonly name: string; readonly error: unknown }[];
}

/** What the warm-up needs from the cache. */
export interface WarmupSubject {
  keyOf(component: Uint8Array | string, mode?: MeteringMode): Promise<ArtifactKey>;
  getComponent(
    key: ArtifactKey,
    load: () => Promise<Uint8Array>,
    signal?: AbortSignal,
    origin?: string,
  ): Promise<CompiledArtifact>;
}

/** @throws {CacheError} `CACHE_WARMUP_FAILED` in strict mode, when all work in progress has ended */
export async function warmUp(
  cache: WarmupSubject,
  items: readonly WarmupItem[],
  mode: WarmupMode,
  { concurrency = 4, onProgress, signal }: WarmupOptions,
): Promise<WarmupReport> {
  const limit = pLimit(concurrency);
  const failed: { name: string; error: unknown }[] = [];
  let built = 0;
  let ready = 0;
  await Promise.all(
    items.map((item) =>
      limit(async () => {
        if (mode === 'strict' && failed.length > 0) return;
        let outcome: WarmupProgress['outcome'] = 'ready';
        try {
          if (await makeReady(cache, item, signal)) outcome = 'built';
        } catch (error) {
          failed.push({ name: item.name, error });
          outcome = 'failed';
        }
        if (outcome === 'built') built += 1;
        if (outcome === 'ready') ready += 1;
        onProgress?.({ done: built + ready + failed.length, total: items.length, name: item.name, outcome });
      }),
    ),
  );
  const [first] = failed;
  if (mode === 'strict' && first !== undefined) {
    throw new CacheError(
      'CACHE_WARMUP_FAILED',
      `${first.name} could not be made ready: ${messageOf(first.error)}; ${built + ready} of ${items.length} are`,
      { cause: first.error, details: { name: first.name, built, ready, total: items.length } },
    );
  }
  // Sort in the order in which the items were given, whichever failed first.
  const order = new Map(items.map(({ name }, index) => [name, index]));
  const sorted = failed.toSorted((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
  return { total: items.length, built, ready, failed: sorted };
}

/** Builds a component if necessary. Returns whether it had to be built. */
async function makeReady(cache: WarmupSubject, item: WarmupItem, signal: AbortSignal | undefined): Promise<boolean> {
  let wasBuilt = false;
  const bytes = item.digest === undefined ? await item.load() : undefined;
  const key = await cache.keyOf(bytes ?? (item.digest as string), item.meteringMode);
  const load = async (): Promise<Uint8Array> => {
    wasBuilt = true;
    return bytes ?? item.load();
  };
  await cache.getComponent(key, load, signal, item.origin);
  return wasBuilt;
}

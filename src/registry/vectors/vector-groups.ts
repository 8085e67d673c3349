import { LRUCache } from 'lru-cache';
import { ROUNDING, type Scored, VectorGroup, type VectorRow } from './vector-group.ts';

/** Supplies the vectors. */
export interface VectorSource {
  /** Returns the state of an interface; undefined when nothing was ever published for it. */
  state(interfaceHash: string): Promise<InterfaceState | undefined>;
  /** Returns the changes after a version, in the order of versions, at most `limit` rows. */
  changes(interfaceHash: string, after: number, limit: number): Promise<readonly VectorRow[]>;
  /** Returns the first `limit` of these modules by use count (most first), age (oldest first), then id. */
  rank(interfaceHash: string, ids: readonly string[], limit: number): Promise<readonly string[]>;
}

export interface InterfaceState {
  /** Grows with every change of a module. */
  readonly version: number;
  /** Grows when modules are deleted. What was read under another generation is invalid. */
  readonly generation: number;
  readonly dimensions: number;
}

/** The rows that are read at once. More would block the event loop for longer than a few milliseconds. */
const PAGE = 500;

/** Keeps the vectors of the interfaces that were queried last in memory, and scans them. */
export class VectorGroups {
  readonly #source: VectorSource;
  readonly #groups: LRUCache<string, { group: VectorGroup; generation: number }>;
  readonly #loading = new Map<string, Promise<VectorGroup | undefined>>();

  /** @param maxBytes the memory for vectors; an interface that alone needs more is read anew for every query */
  constructor(source: VectorSource, maxBytes: number) {
    this.#source = source;
    this.#groups = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ group }) => group.bytes });
  }

  /** Returns the ids of the best matches, best first, with ties ordered by {@link VectorSource.rank}. */
  async find(
    interfaceHash: string,
    embedding: Float32Array,
    threshold: number,
    limit: number,
    provided: readonly string[] | undefined,
  ): Promise<readonly Scored[]> {
    const group = await this.#current(interfaceHash);
    if (group === undefined) return [];
    const scored = await group.search(embedding, threshold, limit, provided);
    return rankTies(scored, limit, (ids, most) => this.#source.rank(interfaceHash, ids, most));
  }

  /** Loads or updates a group. Simultaneous callers share one load that starts after all of them asked. */
  async #current(interfaceHash: string): Promise<VectorGroup | undefined> {
    // A load that began before this call may have missed a change that this caller knows about. Wait for it, but do not
    // use its result.
    await this.#loading.get(interfaceHash)?.catch(() => undefined);
    const running = this.#loading.get(interfaceHash);
    if (running !== undefined) return running;
    const loading = this.#refresh(interfaceHash).finally(() => this.#loading.delete(interfaceHash));
    this.#loading.set(interfaceHash, loading);
    return loading;
  }

  async #refresh(interfaceHash: string): Promise<VectorGroup | undefined> {
    for (;;) {
      const state = await this.#source.state(interfaceHash);
      if (state === undefined) return undefined;
      const known = this.#groups.get(interfaceHash);
      const kept = known?.generation === state.generation ? known.group : undefined;
      if (kept !== undefined && kept.version >= state.version) return kept;
      const group = kept ?? new VectorGroup(state.dimensions);
      while (group.version < state.version) {
        const rows = await this.#source.changes(interfaceHash, group.version, PAGE);
        for (const row of rows) group.apply(row);
        if (rows.length < PAGE) group.version = Math.max(group.version, state.version);
        else await new Promise(setImmediate);
      }
      const after = await this.#source.state(interfaceHash);
      // Modules were deleted while their rows were read, so start again.
      if (after?.generation !== state.generation) continue;
      this.#groups.set(interfaceHash, { group, generation: state.generation });
      return group;
    }
  }
}

/**
 * Orders scores. `rank` orders each run of equal ones, but only as much as is needed. It may return more modules that
 * equal them.
 */
export async function rankTies(
  scored: readonly Scored[],
  limit: number,
  rank: (ids: readonly string[], limit: number) => Promise<readonly string[]>,
): Promise<readonly Scored[]> {
  const ranked: Scored[] = [];
  const sorted = scored.toSorted((a, b) => b.similarity - a.similarity);
  for (let from = 0; from < sorted.length && ranked.length < limit; ) {
    const first = sorted[from]!;
    const end = sorted.findLastIndex(({ similarity }) => similarity >= first.similarity - ROUNDING) + 1;
    const run = sorted.slice(from, end);
    const left = limit - ranked.length;
    if (run.length === 1) ranked.push(first);
    else {
      const similarities = new Map(run.map(({ id, similarity }) => [id, similarity]));
      for (const id of await rank([...similarities.keys()], left)) {
        ranked.push({ id, similarity: similarities.get(id) ?? first.similarity });
      }
    }
    from = end;
  }
  return ranked;
}

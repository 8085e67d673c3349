/** The counts of a tier. Bytes are weights. */
export interface MemoryStatistics {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
  readonly protectedEntries: number;
  readonly bytes: number;
  readonly evictions: number;
  /** Values that were heavier than the whole tier and so were never kept. */
  readonly tooLarge: number;
}

interface Entry<T> {
  readonly value: T;
  readonly weight: number;
}

/** The share of the tier for entries that were hit again; the rest is for entries that were requested once. */
const PROTECTED_PART = 0.8;

/**
 * Keeps values up to a total weight, as a segmented LRU. A new value goes into the probation segment, and a hit there
 * moves it into the protected one. A value that falls out of the protected segment returns to probation, and eviction
 * begins with probation. A scan over many entries therefore cannot evict those in use.
 */
export class MemoryTier<T> {
  readonly #maxWeight: number;
  // A Map keeps the order of insertion: the first entry is the least recently used.
  readonly #probation = new Map<string, Entry<T>>();
  readonly #protected = new Map<string, Entry<T>>();
  #weight = 0;
  #protectedWeight = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #tooLarge = 0;

  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight;
  }

  get(key: string): T | undefined {
    const kept = this.#protected.get(key);
    if (kept !== undefined) {
      this.#protected.delete(key);
      this.#protected.set(key, kept);
      this.#hits += 1;
      return kept.value;
    }
    const entry = this.#probation.get(key);
    if (entry === undefined) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    this.#probation.delete(key);
    this.#protected.set(key, entry);
    this.#protectedWeight += entry.weight;
    this.#demote();
    return entry.value;
  }

  /** Keeps a value. Returns whether it did. */
  set(key: string, value: T, weight: number): boolean {
    this.delete(key);
    if (weight > this.#maxWeight) {
      this.#tooLarge += 1;
      return false;
    }
    this.#probation.set(key, { value, weight });
    this.#weight += weight;
    this.#evict(key);
    return true;
  }

  delete(key: string): boolean {
    const kept = this.#protected.get(key);
    const entry = kept ?? this.#probation.get(key);
    if (entry === undefined) return false;
    this.#weight -= entry.weight;
    if (kept !== undefined) this.#protectedWeight -= entry.weight;
    return this.#protected.delete(key) || this.#probation.delete(key);
  }

  clear(): void {
    this.#probation.clear();
    this.#protected.clear();
    this.#weight = 0;
    this.#protectedWeight = 0;
  }

  get statistics(): MemoryStatistics {
    return {
      hits: this.#hits,
      misses: this.#misses,
      entries: this.#probation.size + this.#protected.size,
      protectedEntries: this.#protected.size,
      bytes: this.#weight,
      evictions: this.#evictions,
      tooLarge: this.#tooLarge,
    };
  }

  #demote(): void {
    const most = this.#maxWeight * PROTECTED_PART;
    for (const [key, entry] of this.#protected) {
      if (this.#protectedWeight <= most) return;
      this.#protected.delete(key);
      this.#protectedWeight -= entry.weight;
      this.#probation.set(key, entry);
    }
  }

  /**
   * Evicts until the weight fits. `newest` goes last, because otherwise a tier full of protected entries could accept
   * nothing.
   */
  #evict(newest: string): void {
    for (const segment of [this.#probation, this.#protected]) {
      for (const key of segment.keys()) {
        if (this.#weight <= this.#maxWeight) return;
        if (key === newest) continue;
        this.delete(key);
        this.#evictions += 1;
      }
    }
  }
}

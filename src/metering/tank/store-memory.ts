import type { MemoryPool } from '#core/ports/meter';

/** The bytes that objects may allocate before the tank is asked again. */
const HEAP_SLICE = 65_536;

/** The bytes of a store: its memories and tables while they exist, and all objects that it has ever allocated. */
export class StoreMemory {
  /** The bytes that are reserved for objects and not used yet. Metered code counts this global down. */
  readonly heap: WebAssembly.Global<'i64'> = new WebAssembly.Global({ value: 'i64', mutable: true }, 0n);
  readonly limit: number;
  /** The number of growths that were answered with -1. */
  refusedGrowths = 0;
  readonly #pool: MemoryPool | undefined;
  #reserved = 0;
  /** What was reserved when `keep` was called. */
  #kept = 0;

  constructor(limit: number, pool: MemoryPool | undefined) {
    this.limit = limit;
    this.#pool = pool;
  }

  get used(): number {
    return this.#reserved - Number(this.heap.value);
  }

  get left(): number {
    return this.limit - this.#reserved;
  }

  /**
   * Reserves bytes for a memory or table. When they do not fit, the unused part of the objects' slice is returned
   * first.
   */
  reserve(bytes: number): boolean {
    if (this.#take(bytes)) return true;
    this.release(Number(this.heap.value));
    this.heap.value = 0n;
    return this.#take(bytes);
  }

  /**
   * Reserves `missing` bytes for objects, and a slice beyond them if there is one. Returns the size of that slice, or
   * -1.
   */
  allocate(missing: number): number {
    for (const bytes of [Math.min(missing + HEAP_SLICE, this.left), missing]) {
      if (bytes >= missing && this.#take(bytes)) return bytes - missing;
    }
    this.heap.value = 0n;
    return -1;
  }

  release(bytes: number): void {
    this.#reserved -= bytes;
    this.#pool?.release(bytes);
  }

  /** Notes what the store holds now, for `renew`. */
  keep(): void {
    this.release(Number(this.heap.value));
    this.heap.value = 0n;
    this.#kept = this.#reserved;
  }

  /** Gives back what was reserved after `keep`. The store's memories have the sizes of that time. */
  renew(): void {
    this.release(this.#reserved - this.#kept);
    this.heap.value = 0n;
    this.refusedGrowths = 0;
  }

  dispose(): void {
    this.release(this.#reserved);
    this.heap.value = 0n;
  }

  #take(bytes: number): boolean {
    if (!(bytes <= this.left)) return false;
    if (this.#pool !== undefined && !this.#pool.reserve(bytes)) return false;
    this.#reserved += bytes;
    return true;
  }
}

import type { MemoryPool } from '#core/ports/meter';

/** Bytes that objects may take before the tank is asked again. */
const HEAP_SLICE = 65_536;

/** The bytes of a store: of its memories and tables while they last, and of all objects that it has ever allocated. */
export class StoreMemory {
  /** What objects have not used yet of the bytes that were reserved for them; metered code counts it down. */
  readonly heap: WebAssembly.Global<'i64'> = new WebAssembly.Global({ value: 'i64', mutable: true }, 0n);
  readonly limit: number;
  /** Growths that were answered with -1. */
  refusedGrowths = 0;
  readonly #pool: MemoryPool | undefined;
  #reserved = 0;

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

  /** Takes bytes for a memory or table; what objects have not used of their slice is given back first when it counts. */
  reserve(bytes: number): boolean {
    if (this.#take(bytes)) return true;
    this.release(Number(this.heap.value));
    this.heap.value = 0n;
    return this.#take(bytes);
  }

  /** Takes `missing` bytes for objects, and some beyond where there are; answers those beyond, or -1. */
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

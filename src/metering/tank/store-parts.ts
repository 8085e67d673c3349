import { MOST_MEMORIES, MOST_PARTS } from '#core/limits';
import type { MemoryPool } from '#core/ports/meter';
import { MeteringError } from '../errors.ts';
import { countParts, FREE_PART_BYTES, type InstanceParts, partBytes } from '../instance-parts.ts';
import type { StoreMemory } from './store-memory.ts';

/** The parts of all instances of one store. Its budgets pay for them before they are made. */
export class StoreParts {
  readonly #memory: StoreMemory;
  readonly #pool: MemoryPool | undefined;
  #count = 0;
  #bytes = 0;
  #memories = 0;

  constructor(memory: StoreMemory, pool: MemoryPool | undefined) {
    this.#memory = memory;
    this.#pool = pool;
  }

  /** Reserves the parts of one more instance, or returns an error that says which budget is used up. */
  take(parts: InstanceParts): MeteringError | undefined {
    this.#count += countParts(parts);
    if (this.#count > MOST_PARTS) return tooMany(`more than ${MOST_PARTS} instances, imports, exports and tables`);
    if (this.#memories + parts.memories > MOST_MEMORIES) return tooMany(`more than ${MOST_MEMORIES} memories`);
    if (parts.memories > 0 && this.#pool?.memories.take(parts.memories) === false) {
      const { limit } = this.#pool.memories;
      const message = `all ${limit} memories of the runtime are taken (unload components, or raise maxTotalMemories)`;
      return new MeteringError('METERING_MEMORY', message, { details: { limit } });
    }
    this.#memories += parts.memories;
    const charged = this.#charged;
    this.#bytes += partBytes(parts);
    if (this.#memory.reserve(this.#charged - charged)) return undefined;
    const message = `the component's instances take ${this.#bytes} bytes of the host, more than are left (give it more memory)`;
    return new MeteringError('METERING_MEMORY', message, { details: { limit: this.#memory.limit } });
  }

  /** Returns what the pool counts. The bytes are returned with the store's memory. */
  dispose(): void {
    this.#pool?.memories.giveBack(this.#memories);
    this.#memories = 0;
  }

  get #charged(): number {
    return Math.max(0, this.#bytes - FREE_PART_BYTES);
  }
}

function tooMany(what: string): MeteringError {
  return new MeteringError(
    'METERING_MEMORY',
    `the component makes ${what} when it is instantiated; build it with fewer`,
  );
}

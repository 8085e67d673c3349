import { wasmDigestOf } from './keys.ts';

const MAX_BYTES = 32 * 2 ** 20;
const MAX_MET = 1_000;

interface Known {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

/**
 * The digests of components that are loaded again and again. Comparing bytes with those of the last load is ten times
 * as fast as hashing them, which would be a third of the cost of another instance of a component in memory.
 */
export class KnownDigests {
  readonly #maxBytes: number;
  /** Sorted by last use, oldest first. These are copies, because the caller may change its bytes. */
  #known: Known[] = [];
  #bytes = 0;
  /** Digests that were computed once. Bytes are kept only from the second time on. */
  readonly #met = new Set<string>();

  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Returns the same as `wasmDigestOf`. */
  async digestOf(component: Uint8Array): Promise<string> {
    const known = this.#find(component);
    if (known !== undefined) return known;
    const digest = await wasmDigestOf(component);
    if (!this.#met.has(digest)) this.#meet(digest);
    else if (component.length <= this.#maxBytes) await this.#keep(new Uint8Array(component), digest);
    return digest;
  }

  #find(component: Uint8Array): string | undefined {
    const index = this.#known.findLastIndex(({ bytes }) => isEqual(bytes, component));
    const found = this.#known[index];
    if (found === undefined) return undefined;
    if (index < this.#known.length - 1) this.#known = [...this.#known.toSpliced(index, 1), found];
    return found.digest;
  }

  async #keep(bytes: Uint8Array, digest: string): Promise<void> {
    // The bytes may have changed while they were hashed, and another call may have kept them meanwhile.
    if ((await wasmDigestOf(bytes)) !== digest || this.#known.some((known) => known.digest === digest)) return;
    this.#known.push({ bytes, digest });
    this.#bytes += bytes.length;
    while (this.#bytes > this.#maxBytes) this.#bytes -= (this.#known.shift() as Known).bytes.length;
  }

  #meet(digest: string): void {
    this.#met.add(digest);
    const [oldest] = this.#met;
    if (this.#met.size > MAX_MET && oldest !== undefined) this.#met.delete(oldest);
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

import type { CopyBuffer } from '#runtime/tasks';

export type Values = readonly unknown[] | Uint8Array;

const NOTHING = new Uint8Array();
/** The most bytes of a block in which small portions are kept together. */
const BLOCK_BYTES = 65_536;

/** Charges values before they are kept. `hostBytes` is what they take of the host's heap, and 0 for numbers. */
export type Charge = (count: number, hostBytes: number) => void;

/** Room of the host for what one read of a stream or future brings. */
export abstract class Sink implements CopyBuffer {
  progress = 0;
  readonly isEmpty = false;
  readonly hostBytes = 0;
  readonly #most: number;
  readonly #charge: Charge | undefined;

  constructor(most: number, charge?: Charge) {
    this.#most = most;
    this.#charge = charge;
  }

  /** What was read. */
  abstract readonly values: Values;

  /** Keeps values, which may be a view of the guest's memory. */
  protected abstract keep(values: ArrayLike<unknown>): void;

  get remaining(): number {
    return this.#most - this.progress;
  }

  read(): never {
    throw new Error('the room of a reader is not read');
  }

  write(values: ArrayLike<unknown>, hostBytes: number): void {
    this.#charge?.(values.length, hostBytes);
    this.keep(values);
    this.progress += values.length;
  }
}

export class ByteSink extends Sink {
  #bytes = NOTHING;

  /** The bytes, which nobody else has. */
  get values(): Uint8Array {
    return this.#bytes;
  }

  protected keep(values: ArrayLike<number>): void {
    if (this.progress === 0) {
      this.#bytes = values instanceof Uint8Array ? values.slice() : Uint8Array.from(values);
      return;
    }
    const all = new Uint8Array(this.progress + values.length);
    all.set(this.#bytes);
    all.set(values, this.progress);
    this.#bytes = all;
  }
}

export class ItemSink extends Sink {
  #items: unknown[] = [];

  get values(): readonly unknown[] {
    return this.#items;
  }

  protected keep(values: ArrayLike<unknown>): void {
    // Only numbers come as a view. A list was made for this read.
    const items = Array.isArray(values) ? values : Array.from(values);
    this.#items = this.#items.length === 0 ? items : this.#items.concat(items);
  }
}

/** All bytes of a stream. A guest that writes one byte at a time makes the host keep a few blocks, and not an array for each byte. */
export class ByteBlocks {
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** How many bytes of the last block are used. */
  #used = 0;

  append(bytes: Uint8Array): void {
    const last = this.#blocks.at(-1) ?? NOTHING;
    const fits = Math.min(last.length - this.#used, bytes.length);
    last.set(bytes.subarray(0, fits), this.#used);
    this.#used += fits;
    if (fits === bytes.length) return;
    const rest = bytes.subarray(fits);
    const block = new Uint8Array(Math.max(rest.length, Math.min(2 * last.length, BLOCK_BYTES)));
    block.set(rest);
    this.#blocks.push(block);
    this.#used = rest.length;
  }

  /** The blocks, of which the last one may be a part of its buffer. */
  *[Symbol.iterator](): Generator<Uint8Array<ArrayBuffer>> {
    const last = this.#blocks.length - 1;
    for (const [at, block] of this.#blocks.entries()) yield at === last ? block.subarray(0, this.#used) : block;
  }
}

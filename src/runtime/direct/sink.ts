import type { CopyBuffer } from '#runtime/tasks';

export type Values = readonly unknown[] | Uint8Array;

const NOTHING = new Uint8Array();

/** Room of the host for what one read of a stream or future brings. */
export abstract class Sink implements CopyBuffer {
  progress = 0;
  readonly isEmpty = false;
  readonly #most: number;
  readonly #takes: (count: number) => void;

  /** @param takes called before values are kept */
  constructor(most: number, takes: (count: number) => void) {
    this.#most = most;
    this.#takes = takes;
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

  write(values: ArrayLike<unknown>): void {
    this.#takes(values.length);
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

const FIRST_BYTES = 1_024;

/**
 * Collects pieces of bytes in one buffer, in which a piece of one byte takes one byte. With an object for each piece,
 * whoever chooses the pieces could make them take a hundred times their size.
 */
export class GrowingBuffer {
  readonly #maxBytes: number;
  readonly #reserve: (bytes: number) => boolean;
  #buffer = new Uint8Array();
  #length = 0;

  /**
   * @param maxBytes the most bytes that it holds
   * @param reserve called before the buffer grows by a number of bytes; false prevents the growth
   */
  constructor(maxBytes: number, reserve: (bytes: number) => boolean = () => true) {
    this.#maxBytes = maxBytes;
    this.#reserve = reserve;
  }

  get length(): number {
    return this.#length;
  }

  /** The contents, as a view that is valid until the next `append`. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Appends all bytes, or returns false and appends none. */
  append(bytes: Uint8Array): boolean {
    const length = this.#length + bytes.length;
    if (length > this.#maxBytes) return false;
    if (length > this.#buffer.length && !this.#grow(length)) return false;
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
    return true;
  }

  /** Drops the bytes and keeps the memory. */
  clear(): void {
    this.#length = 0;
  }

  /** Drops the bytes and the memory. The reservation is not returned. */
  release(): void {
    this.#length = 0;
    this.#buffer = new Uint8Array();
  }

  #grow(least: number): boolean {
    const size = Math.min(this.#maxBytes, Math.max(least, 2 * this.#buffer.length, FIRST_BYTES));
    if (!this.#reserve(size - this.#buffer.length)) return false;
    const grown = new Uint8Array(size);
    grown.set(this.bytes);
    this.#buffer = grown;
    return true;
  }
}

const FIRST_BYTES = 1_024;

/**
 * Bytes that come in pieces, in one buffer: a piece of one byte costs one byte. An object for each would let whoever chooses
 * the pieces take a hundred times what they hold.
 */
export class GrowingBuffer {
  readonly #maxBytes: number;
  readonly #reserve: (bytes: number) => boolean;
  #buffer = new Uint8Array();
  #length = 0;

  /**
   * @param maxBytes what it holds at most
   * @param reserve asked before it grows by so many bytes; where it answers false, it does not
   */
  constructor(maxBytes: number, reserve: (bytes: number) => boolean = () => true) {
    this.#maxBytes = maxBytes;
    this.#reserve = reserve;
  }

  get length(): number {
    return this.#length;
  }

  /** What is in it: a view, until the next `append`. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Takes all of the bytes, or answers false and takes none. */
  append(bytes: Uint8Array): boolean {
    const length = this.#length + bytes.length;
    if (length > this.#maxBytes) return false;
    if (length > this.#buffer.length && !this.#grow(length)) return false;
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
    return true;
  }

  /** Forgets the bytes and keeps the room. */
  clear(): void {
    this.#length = 0;
  }

  /** Forgets the bytes and the room, which is not reserved back. */
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

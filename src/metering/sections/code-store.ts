const STEP = 1 << 20;

/**
 * Stores bytes whose number is not known beforehand, in memory that grows in place and shrinks while they are taken
 * out, so that the bytes are never held twice.
 */
export class CodeStore {
  #buffer: ArrayBuffer;
  #bytes: Uint8Array;
  length = 0;

  /** @param most the number of bytes that fit without moving */
  constructor(most: number) {
    this.#buffer = new ArrayBuffer(0, { maxByteLength: most });
    this.#bytes = new Uint8Array(this.#buffer);
  }

  u32(value: number): void {
    this.#reserve(5);
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.length++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.length++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Moves everything into `target` from the end backwards. */
  drain(target: Uint8Array, at: number): void {
    for (let end = this.length; end > 0; ) {
      const start = Math.max(0, end - STEP);
      target.set(this.#bytes.subarray(start, end), at + start);
      end = start;
      this.#buffer.resize(end);
    }
    this.length = 0;
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.#buffer.byteLength) return;
    const wanted = Math.ceil(needed / STEP) * STEP;
    if (needed <= this.#buffer.maxByteLength) {
      this.#buffer.resize(Math.min(wanted, this.#buffer.maxByteLength));
      return;
    }
    const before = this.#bytes;
    this.#buffer = new ArrayBuffer(wanted, { maxByteLength: needed * 2 + STEP });
    this.#bytes = new Uint8Array(this.#buffer);
    this.#bytes.set(before.subarray(0, this.length));
  }
}

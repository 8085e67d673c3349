import type { Random } from '#core';

const ID_BYTES = 18;
/** Base64 of eighteen bytes, without a remainder. */
const ID_LENGTH = 24;
const IDS_PER_BLOCK = 512;

/**
 * Correlation ids: 144 random bits in base64url. A guest sees ids of requests made to it and by it, so nothing in one may
 * help to guess another. Bytes are drawn for many ids at once, because each draw costs a system call.
 */
export class CorrelationIds {
  readonly #random: Random;
  #block = '';
  #position = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): string {
    if (this.#position === this.#block.length) {
      const bytes = this.#random.bytes(ID_BYTES * IDS_PER_BLOCK);
      this.#block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
      this.#position = 0;
    }
    const start = this.#position;
    this.#position = start + ID_LENGTH;
    return this.#block.slice(start, this.#position);
  }
}

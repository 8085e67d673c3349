import type { Random } from '#core/ports/random';
import { type AsciiBlock, AsciiText } from '#core/text';

const ID_BYTES = 18;
/** The length of eighteen bytes in base64, which needs no padding. */
const ID_LENGTH = 24;
const IDS_PER_BLOCK = 512;

/**
 * Makes correlation ids: 144 random bits in base64url. A guest sees the ids of its own requests and of requests to it,
 * so no id may help to guess another. Bytes are drawn for many ids at once, because each draw is a system call.
 */
export class CorrelationIds {
  readonly #random: Random;
  #block: AsciiBlock = { text: '', bytes: new DataView(new ArrayBuffer(0)) };
  #position = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): AsciiText {
    if (this.#position === this.#block.text.length) this.#draw();
    const start = this.#position;
    this.#position = start + ID_LENGTH;
    return new AsciiText(this.#block, start, ID_LENGTH);
  }

  #draw(): void {
    const drawn = this.#random.bytes(ID_BYTES * IDS_PER_BLOCK);
    const text = Buffer.from(drawn.buffer, drawn.byteOffset, drawn.length).toString('base64url');
    const bytes = new Uint8Array(text.length);
    new TextEncoder().encodeInto(text, bytes);
    this.#block = { text, bytes: new DataView(bytes.buffer) };
    this.#position = 0;
  }
}

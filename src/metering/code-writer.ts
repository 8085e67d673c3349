/** Bytes that are free in the buffer whenever an operator begins to be written; only what is longer asks for more. */
export const SLACK = 512;

/** Bodies, one behind the other, in a buffer that is emptied when it is full enough. */
export class CodeWriter {
  out: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 17);
  length = 0;

  /** Makes room for `more` bytes and what an operator takes. */
  reserve(more: number): void {
    const needed = this.length + more + SLACK;
    if (needed <= this.out.length) return;
    const grown = new Uint8Array(Math.max(this.out.length * 2, needed));
    grown.set(this.out);
    this.out = grown;
  }

  /** Moves what was written since `from` down to `to`. */
  moveDown(from: number, to: number): void {
    if (from !== to) this.out.copyWithin(to, from, this.length);
    this.length -= from - to;
  }

  op(byte: number): void {
    this.out[this.length++] = byte;
  }

  raw(bytes: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    const { out } = this;
    let { length } = this;
    for (let at = from; at < to; at++) out[length++] = bytes[at] as number;
    this.length = length;
  }

  u32(value: number): void {
    if (value < 0x80) {
      this.out[this.length++] = value;
      return;
    }
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.out[this.length++] = (rest % 0x80) | 0x80;
    this.out[this.length++] = rest;
  }

  signed(value: number): void {
    if (value >= -0x40 && value < 0x40) {
      this.out[this.length++] = value & 0x7f;
      return;
    }
    let rest = value;
    for (;;) {
      const low = ((rest % 0x80) + 0x80) % 0x80;
      rest = Math.floor(rest / 0x80);
      const last = (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40);
      this.out[this.length++] = last ? low : low | 0x80;
      if (last) return;
    }
  }
}

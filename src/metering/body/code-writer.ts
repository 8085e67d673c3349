/**
 * Bytes that are free in the buffer whenever an operator starts to be written. Only longer output must reserve more.
 */
export const SLACK = 512;

/** Writes bodies one after the other into a buffer that is flushed when it is full enough. */
export class CodeWriter {
  out: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 17);
  length = 0;

  /** Ensures that the buffer has space for `more` bytes and one more operator. */
  reserve(more: number): void {
    const needed = this.length + more + SLACK;
    if (needed <= this.out.length) return;
    const grown = new Uint8Array(Math.max(this.out.length * 2, needed));
    grown.set(this.out);
    this.out = grown;
  }

  /** Moves the bytes written since `from` to `to`. */
  move(from: number, to: number): void {
    if (from === to) return;
    this.reserve(Math.max(0, to - from));
    this.out.copyWithin(to, from, this.length);
    this.length += to - from;
  }

  op(byte: number): void {
    this.out[this.length++] = byte;
  }

  /** Writes an operator and its index. */
  indexed(opcode: number, index: number): void {
    const { out, length } = this;
    out[length] = opcode;
    if (index < 0x80) {
      out[length + 1] = index;
      this.length = length + 2;
    } else if (index < 0x4000) {
      out[length + 1] = (index & 0x7f) | 0x80;
      out[length + 2] = index >>> 7;
      this.length = length + 3;
    } else {
      this.length = length + 1;
      this.u32(index);
    }
  }

  /** Writes a constant and the operator that takes it. */
  withConstant(constant: number, value: number, opcode: number): void {
    const { out, length } = this;
    out[length] = constant;
    if (value >= -0x40 && value < 0x40) {
      out[length + 1] = value & 0x7f;
      out[length + 2] = opcode;
      this.length = length + 3;
    } else {
      this.length = length + 1;
      this.signed(value);
      this.op(opcode);
    }
  }

  raw(bytes: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    const { out } = this;
    let { length } = this;
    for (let at = from; at < to; at++) out[length++] = bytes[at] as number;
    this.length = length;
  }

  u32(value: number): void {
    const { out } = this;
    let { length } = this;
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) out[length++] = (rest & 0x7f) | 0x80;
    out[length++] = rest;
    this.length = length;
  }

  /** Writes an integer that a JavaScript number holds exactly. */
  signed(value: number): void {
    let rest = value;
    // Shift operators work on 32 bits only.
    for (; rest < -0x40000000 || rest >= 0x40000000; rest = Math.floor(rest / 0x80)) {
      this.op((((rest % 0x80) + 0x80) % 0x80) | 0x80);
    }
    for (; rest < -0x40 || rest >= 0x40; rest >>= 7) this.op((rest & 0x7f) | 0x80);
    this.op(rest & 0x7f);
  }
}

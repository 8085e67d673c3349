import { trap } from './trap.ts';

/** How much more than a memory's size may be lifted out of it in one call. */
const LIFT_SLACK = 4 * 2 ** 20;

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/**
 * A linear memory as lowering and lifting see it. A growth detaches the buffer, which makes `u8` empty: code that may
 * have run guest code since calls `live` before it reads `u8` or `view` again. Both are made at the first call: many
 * instances wait long for one.
 */
export class MemoryView {
  #memory: WebAssembly.Memory | undefined;
  u8: Uint8Array = NO_BYTES;
  view: DataView = NO_VIEW;
  /** Length in code units of the string or list that was lowered last, with the tag of `latin1+utf16`. */
  length = 0;
  /** What may still be lifted: guests can make a few bytes of lists point to the same megabytes again and again. */
  left = 0;

  /** @param memory left out where it is not there yet: `attach` gives it then */
  constructor(memory?: WebAssembly.Memory) {
    this.#memory = memory;
  }

  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
  }

  live(): this {
    if (this.u8.length === 0 && this.#memory !== undefined) {
      const { buffer } = this.#memory;
      this.u8 = new Uint8Array(buffer);
      this.view = new DataView(buffer);
    }
    return this;
  }

  /** Before lifting. */
  open(): this {
    this.live();
    this.left = this.u8.length + LIFT_SLACK;
    return this;
  }

  /** Checks that `length` items of `size` bytes lie at `pointer`; each takes `cost` bytes of the host's heap. */
  check(pointer: number, length: number, size: number, align: number, cost: number = size): void {
    const bytes = length * size;
    if ((pointer & (align - 1)) !== 0) trap(`pointer ${pointer} is not aligned to ${align}`);
    if (pointer + bytes > this.u8.length) {
      trap(`${bytes} bytes at ${pointer} lie outside of memory`);
    }
    this.left -= length * cost;
    if (this.left < 0) trap('one call lifts more than the whole memory holds');
  }
}

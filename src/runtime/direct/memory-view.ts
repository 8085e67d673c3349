import { trap } from '#runtime/exchange';
import { BYTES_PER_LOOK, LIFT_SLACK, type LiftBounds } from '../heap-cost.ts';

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
  /** What is left when the clock is looked at next. */
  #lookAt = 0;
  #bounds: LiftBounds | undefined;

  /** Gives it its memory, which may not be there yet when the view is made. */
  attach(memory: WebAssembly.Memory, bounds?: LiftBounds): this {
    this.#memory = memory;
    this.#bounds = bounds;
    return this;
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
    this.left = this.#bounds?.mostBytes ?? this.u8.length + LIFT_SLACK;
    this.#lookAt = this.left - BYTES_PER_LOOK;
    return this;
  }

  /**
   * Checks that `length` items of `size` bytes lie at `pointer`.
   * @param cost bytes of the host that each takes
   * @param own bytes that what holds them takes
   */
  check(pointer: number, length: number, size: number, align: number, cost: number = size, own: number = 0): void {
    const bytes = length * size;
    if ((pointer & (align - 1)) !== 0) trap(`pointer ${pointer} is not aligned to ${align}`);
    if (pointer + bytes > this.u8.length) {
      trap(`${bytes} bytes at ${pointer} lie outside of memory`);
    }
    this.charge(length * cost + own);
  }

  /** Counts bytes of the host before they are taken. */
  charge(bytes: number): void {
    this.left -= bytes;
    if (this.left < this.#lookAt) this.#lookAround();
  }

  /** Looks at the clock; may end the store. */
  look(): void {
    this.#bounds?.look();
  }

  #lookAround(): void {
    if (this.left < 0) trap('one call lifts more than the whole memory holds');
    this.#lookAt = Math.max(0, this.left - BYTES_PER_LOOK);
    this.#bounds?.look();
  }
}

import { trap } from '#runtime/exchange';
import { BYTES_PER_LOOK, LIFT_SLACK, type LiftBounds } from '../heap-cost.ts';

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/**
 * A linear memory as lowering and lifting see it. When the memory grows, its buffer is detached and `u8` becomes empty: code
 * that may have run guest code must call `live` before it reads `u8` or `view` again. The first call makes both, because
 * many instances wait long for a call.
 */
export class MemoryView {
  #memory: WebAssembly.Memory | undefined;
  u8: Uint8Array = NO_BYTES;
  view: DataView = NO_VIEW;
  /** Length in code units of the string or list that was lowered last, with the tag of `latin1+utf16`. */
  length = 0;
  /** Bytes that may still be lifted. Lifting is bounded because guests can make a few bytes of lists point to the same megabytes again and again. */
  left = 0;
  #most = 0;
  /** The clock is checked next when `left` falls below this. */
  #lookAt = 0;
  #bounds: LiftBounds | undefined;

  /** Gives the view its memory, which may not exist yet when the view is made. */
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

  /** Prepares the view for lifting the values of one call. */
  open(): this {
    this.live();
    this.#most = this.#bounds?.mostBytes ?? this.u8.length + LIFT_SLACK;
    this.left = this.#most;
    this.#lookAt = this.left - BYTES_PER_LOOK;
    return this;
  }

  /** Bytes of the host that the values take which were lifted since `open`. */
  get lifted(): number {
    return this.#most - this.left;
  }

  /**
   * Checks that `length` items of `size` bytes lie in memory at `pointer`, and charges what they take of the host. It is called
   * for each list and text that is lifted, so that the benchmark `runtime` forbids an object of options.
   * @param cost bytes of the host that each item takes
   * @param own bytes of the host that the value which holds the items takes
   */
  check(pointer: number, length: number, size: number, align: number, cost: number = size, own: number = 0): void {
    const bytes = length * size;
    if ((pointer & (align - 1)) !== 0) trap(`pointer ${pointer} is not aligned to ${align}`);
    if (pointer + bytes > this.u8.length) {
      trap(`${bytes} bytes at ${pointer} lie outside of memory`);
    }
    this.charge(length * cost + own);
  }

  /** Charges bytes of the host before they are used. */
  charge(bytes: number): void {
    this.left -= bytes;
    if (this.left < this.#lookAt) this.#lookAround();
  }

  /** Checks the clock, and ends the store when the call's time is over. */
  look(): void {
    this.#bounds?.look();
  }

  #lookAround(): void {
    if (this.left < 0) trap('one call lifts more than the whole memory holds');
    this.#lookAt = Math.max(0, this.left - BYTES_PER_LOOK);
    this.#bounds?.look();
  }
}

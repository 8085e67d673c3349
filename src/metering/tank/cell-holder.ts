import type { Lane } from '#core/ports/lane';
import { type FuelCell, fuelCell, SPENT } from './fuel-cell.ts';

/** The holder of the call that was opened last and is still open. The value in the fuel cell belongs to it. */
let owner: CellHolder | undefined;

/**
 * Holds the thread's one fuel cell while its call runs. A call may open while another holds the cell, for example on an
 * embedder's own tank inside a host function. It takes the cell over, and returns it with the fuel that the other call
 * had left.
 */
export class CellHolder {
  readonly #cell: FuelCell = fuelCell();
  /** Whether a call has begun and not ended. */
  #isOpen = false;
  /** The holder inside whose call this one's call began, and the fuel of this call while another holds the cell. */
  #outer: CellHolder | undefined;
  #aside = SPENT;

  /** Takes the cell from the call that holds it. That call saves the fuel that it has left. */
  static park(): CellHolder | undefined {
    const holder = owner;
    owner = undefined;
    if (holder !== undefined) {
      holder.#aside = holder.#cell.take();
      holder.paused();
    }
    return holder;
  }

  /** Gives the cell to a parked call. A call that has ended meanwhile gets nothing. */
  static resume(holder: CellHolder | undefined): void {
    CellHolder.park();
    if (holder === undefined || !holder.#isOpen) return;
    owner = holder;
    holder.#cell.put(holder.#aside);
    holder.unpaused();
  }

  get fuel(): WebAssembly.Global<'i64'> {
    return this.#cell.global;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether this holder owns the value in the cell, because no call inside its own is open. */
  get owns(): boolean {
    return owner === this;
  }

  /** Takes the cell over and fills it with the call's fuel. */
  open(fuel: number): void {
    this.#isOpen = true;
    if (owner !== undefined) this.#outer = CellHolder.park();
    owner = this;
    this.#cell.put(fuel);
  }

  /** Gives the cell back. Returns the fuel that the call has left. */
  close(): number {
    this.#isOpen = false;
    if (owner === this && this.#outer === undefined) {
      owner = undefined;
      return this.#cell.take();
    }
    return this.#closeWithinOthers();
  }

  /** Gives the cell back to the innermost call that is still open, when calls are nested. */
  #closeWithinOthers(): number {
    if (owner !== this) return this.#aside;
    const left = this.#cell.take();
    do {
      const inner: CellHolder = owner;
      owner = inner.#outer;
      inner.#outer = undefined;
    } while (owner !== undefined && !owner.#isOpen);
    if (owner !== undefined) this.#cell.put(owner.#aside);
    return left;
  }

  /** Called when another call takes the cell, until `unpaused`. */
  protected paused(): void {}

  protected unpaused(): void {}

  /** The fuel that the open call has left. */
  get left(): number {
    return owner === this ? this.#cell.get() : this.#aside;
  }

  /** Changes the fuel that the open call has left: in the cell, or the saved value when another call holds the cell. */
  set left(fuel: number) {
    if (owner === this) this.#cell.put(fuel);
    else this.#aside = fuel;
  }
}

/** The fuel cell as a lane of the thread: its value belongs to the turn that runs. */
export const fuelLane: Lane = {
  park: () => CellHolder.park(),
  resume: (parked) => CellHolder.resume(parked instanceof CellHolder ? parked : undefined),
};

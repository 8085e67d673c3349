import type { Lane } from '#core/ports/lane';
import { type FuelCell, fuelCell, SPENT } from './fuel-cell.ts';

/** Whose call was opened last and is not closed: what is in the fuel cell is this holder's. */
let owner: CellHolder | undefined;

/**
 * Holds the thread's one fuel cell while its call runs. A call that is opened while the cell is held, as a tank of an
 * embedder's own may be within a host function, takes the cell over and gives it back with what the other had left.
 */
export class CellHolder {
  readonly #cell: FuelCell = fuelCell();
  /** A call was begun and has not been left. */
  #isOpen = false;
  /** Whose call this one's was begun in; and what is left of its own while another's is in it. */
  #outer: CellHolder | undefined;
  #aside = SPENT;

  /** Takes the cell from the call that holds it, which keeps what it has left. */
  static park(): CellHolder | undefined {
    const holder = owner;
    owner = undefined;
    if (holder !== undefined) {
      holder.#aside = holder.#cell.take();
      holder.paused();
    }
    return holder;
  }

  /** Gives the cell to a call that was parked; one that has ended by now gets none. */
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

  /** Whether what is in the cell is this holder's: no call within its own is open. */
  get owns(): boolean {
    return owner === this;
  }

  /** Takes the cell over with the fuel that a call is given. */
  open(fuel: number): void {
    this.#isOpen = true;
    if (owner !== undefined) this.#outer = CellHolder.park();
    owner = this;
    this.#cell.put(fuel);
  }

  /** Gives the cell back; answers what the call has left. */
  close(): number {
    this.#isOpen = false;
    if (owner === this && this.#outer === undefined) {
      owner = undefined;
      return this.#cell.take();
    }
    return this.#closeWithinOthers();
  }

  /** Of calls within each other: gives the cell back to the innermost of those that are still open. */
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

  /** Another call has the cell until `unpaused`. */
  protected paused(): void {}

  protected unpaused(): void {}

  /** What the open call has left. */
  get left(): number {
    return owner === this ? this.#cell.get() : this.#aside;
  }

  /** Changes what the open call has left; of a call that is not the innermost, what is aside for it. */
  set left(fuel: number) {
    if (owner === this) this.#cell.put(fuel);
    else this.#aside = fuel;
  }
}

/** The fuel cell as a lane of the thread: the fuel that is left belongs to the turn that runs. */
export const fuelLane: Lane = {
  park: () => CellHolder.park(),
  resume: (parked) => CellHolder.resume(parked instanceof CellHolder ? parked : undefined),
};

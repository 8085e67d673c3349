import { type FuelCell, fuelCell, SPENT } from './fuel-cell.ts';

/** Whose call was opened last and is not closed: what is in the fuel cell is this holder's. */
let owner: CellHolder | undefined;

/**
 * Holds the thread's one fuel cell while its call runs. A call that a host function makes within another's takes the cell
 * over and gives it back, with what the other had left.
 */
export class CellHolder {
  readonly #cell: FuelCell = fuelCell();
  /** A call was begun and has not been left. */
  #isOpen = false;
  /** Whose call this one's was begun in; and what is left of its own while another's is in it. */
  #outer: CellHolder | undefined;
  #aside = SPENT;

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
    if (owner !== undefined) {
      owner.#aside = this.#cell.get();
      this.#outer = owner;
    }
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

/** A growable list of 32-bit integers in one typed array. */
export class IntList {
  items: Int32Array;
  length = 0;

  constructor(capacity = 64) {
    this.items = new Int32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.items.length) this.#grow(this.length * 2);
    this.items[this.length++] = value;
  }

  at(index: number): number {
    return this.items[index] as number;
  }

  /** Sets an element, also beyond the end, so that a list can be a stack indexed by depth. */
  set(index: number, value: number): void {
    if (index >= this.items.length) this.#grow(index * 2);
    this.items[index] = value;
  }

  view(): Int32Array {
    return this.items.subarray(0, this.length);
  }

  #grow(capacity: number): void {
    const grown = new Int32Array(capacity);
    grown.set(this.items);
    this.items = grown;
  }
}

/** Disjoint sets of numbers. */
export class Groups {
  readonly #parents: Int32Array;

  constructor(size: number) {
    this.#parents = new Int32Array(size);
    for (let node = 0; node < size; node++) this.#parents[node] = node;
  }

  of(node: number): number {
    let root = node;
    while (this.#parents[root] !== root) root = this.#parents[root] as number;
    for (let at = node; at !== root; ) {
      const next = this.#parents[at] as number;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }

  join(left: number, right: number): void {
    this.#parents[this.of(left)] = this.of(right);
  }
}

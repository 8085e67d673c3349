const SMALLEST = 8;

/** A queue in one array, which doubles when it is full. A large array is released when the queue becomes empty. */
export class RingBuffer<T> {
  #slots: (T | undefined)[] = [];
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item;
    this.#size += 1;
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size -= 1;
    // Release a large array, or a flood of messages would leave its memory behind in ten thousand idle mailboxes.
    if (this.#size === 0 && this.#slots.length > 16 * SMALLEST) this.#slots = [];
    return item;
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#at(0);
  }

  toArray(): T[] {
    return Array.from({ length: this.#size }, (_, index) => this.#at(index));
  }

  #at(index: number): T {
    return this.#slots[(this.#head + index) & (this.#slots.length - 1)] as T;
  }

  #grow(): void {
    const larger = new Array<T | undefined>(Math.max(SMALLEST, this.#slots.length * 2)).fill(undefined);
    for (let index = 0; index < this.#size; index++) {
      larger[index] = this.#at(index);
    }
    this.#slots = larger;
    this.#head = 0;
  }
}

/** Something that may be in a chain. Only the chain uses these fields. */
export interface Linked<T> {
  before: T | undefined;
  behind: T | undefined;
}

/**
 * Objects in the order in which they were added, each of which is in one chain at a time. They are linked by their own fields, since ten
 * thousand calls may wait, and a set takes twice as much for each. Besides, V8 links each table that a set has outgrown to the next one, so
 * that a table which has become old keeps all that a set is given later, until the whole heap is collected.
 */
export class Chain<T extends Linked<T>> implements Iterable<T> {
  #first: T | undefined = undefined;
  #last: T | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  has(each: T): boolean {
    return each === this.#first || each.before !== undefined;
  }

  add(each: T): void {
    each.before = this.#last;
    if (this.#last === undefined) this.#first = each;
    else this.#last.behind = each;
    this.#last = each;
    this.#size += 1;
  }

  /** Takes an object out, if it is in the chain. */
  delete(each: T): void {
    if (!this.has(each)) return;
    const { before, behind } = each;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    each.before = undefined;
    each.behind = undefined;
    this.#size -= 1;
  }

  clear(): void {
    for (const each of this) this.delete(each);
  }

  /** The first object of which something is true. */
  find(is: (each: T) => boolean): T | undefined {
    let each = this.#first;
    while (each !== undefined && !is(each)) each = each.behind;
    return each;
  }

  /** Iterates over what is in the chain when this begins. Meanwhile it may change. */
  [Symbol.iterator](): Iterator<T> {
    const all: T[] = [];
    for (let each = this.#first; each !== undefined; each = each.behind) all.push(each);
    return all.values();
  }
}

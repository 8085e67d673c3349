import type { Values } from './sink.ts';

/** What the host has read: values, or that there are no more. */
export interface Portion {
  readonly values: Values;
  readonly isLast: boolean;
}

/** Where the items of a stream come from, in portions. */
export interface Portions {
  next(): Promise<Portion>;
  close(): void;
}

const nothing = (): void => {};

/**
 * The items of a stream, one by one. An asynchronous generator would make several promises for each item; this makes one, which is
 * resolved already where the item's portion is there.
 */
export class StreamItems implements AsyncIterableIterator<unknown, undefined> {
  readonly #portions: Portions;
  #values: Values = [];
  #at = 0;
  #isOver = false;
  /** Settled when all items have been found that were asked for before their portion was there. */
  #asked: Promise<void> | undefined;

  constructor(portions: Portions) {
    this.#portions = portions;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#asked === undefined && (this.#at < this.#values.length || this.#isOver)) {
      return Promise.resolve(this.#take());
    }
    const item = (this.#asked ?? Promise.resolve()).then(() => this.#find());
    const asked = item.then(nothing, nothing).then(() => {
      if (this.#asked === asked) this.#asked = undefined;
    });
    this.#asked = asked;
    return item;
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
  }

  async #find(): Promise<IteratorResult<unknown, undefined>> {
    while (this.#at === this.#values.length && !this.#isOver) {
      try {
        const { values, isLast } = await this.#portions.next();
        if (this.#isOver) break;
        this.#values = values;
        this.#at = 0;
        this.#isOver = isLast;
      } catch (thrown) {
        this.#end();
        throw thrown;
      }
    }
    return this.#take();
  }

  #take(): IteratorResult<unknown, undefined> {
    if (this.#at === this.#values.length) return { done: true, value: undefined };
    const value = this.#values[this.#at];
    this.#at += 1;
    return { done: false, value };
  }

  #end(): void {
    this.#values = [];
    this.#at = 0;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#portions.close();
  }
}

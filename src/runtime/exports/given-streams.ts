import { type Check, CheckBudget } from './check.ts';
import { Refusal, unexpected } from './refusal.ts';

/** The items of a stream, as the host asks for them. */
export interface GivenItems {
  next(): PromiseLike<IteratorResult<unknown, unknown>> | IteratorResult<unknown, unknown>;
  /** Says that nobody wants more. It may be called while `next` is under way. Nobody is told how the embedder's part cleans up. */
  stop(): void;
}

/** How the items of a stream are checked. */
export interface ItemRules {
  /** Undefined where the stream has no values, or values that nobody checks. */
  readonly check?: Check | undefined;
  /** Whether an item may be several values: bytes. */
  readonly isBytes?: boolean;
}

type Method = (this: unknown) => Iterator<unknown> | AsyncIterator<unknown>;

/** A stream that an embedder gives a guest: a `ReadableStream` or an iterable. Nothing is taken from it before `open`. */
export class GivenStream {
  readonly #given: object;
  readonly #iterates: Method | undefined;
  readonly #rules: ItemRules;
  /** Items that were checked so far. */
  #count = 0;

  /** @throws {Refusal} for what is neither of the two, or is being read by somebody else */
  constructor(given: unknown, rules: ItemRules = {}) {
    if (typeof given !== 'object' || given === null) throw noStream(given);
    this.#given = given;
    this.#rules = rules;
    // The iterator of a `ReadableStream` would not cancel it before its next item has come.
    if (given instanceof ReadableStream) checkUnlocked(given);
    else this.#iterates = methodOf(given);
  }

  get isBytes(): boolean {
    return this.#rules.isBytes === true;
  }

  /** Begins to read it. */
  open(): GivenItems {
    const given = this.#given;
    if (given instanceof ReadableStream) {
      checkUnlocked(given);
      return readerOf(given);
    }
    // The bytes are one item, and not as many as they are.
    const iterator = (
      given instanceof Uint8Array && this.isBytes ? [given][Symbol.iterator]() : (this.#iterates as Method).call(given)
    ) as AsyncIterator<unknown> | null | undefined;
    if (iterator === null || typeof iterator !== 'object') throw noStream(given);
    return { next: () => iterator.next(), stop: () => ignoring(() => iterator.return?.(undefined)) };
  }

  /**
   * Asks for the next item. Answers its values, and undefined at the end. Where the item is refused, no other is asked for.
   * @throws {TypeError} for an item that the stream's type does not have, saying which and where
   */
  async next(items: GivenItems): Promise<readonly unknown[] | Uint8Array | undefined> {
    const read: unknown = await items.next();
    if (typeof read !== 'object' || read === null) throw new TypeError('its iterator answered no object');
    const { value, done } = read as IteratorResult<unknown, unknown>;
    if (done === true) return undefined;
    try {
      return this.#values(value);
    } catch (thrown) {
      items.stop();
      throw thrown;
    }
  }

  #values(item: unknown): readonly unknown[] | Uint8Array {
    const { check } = this.#rules;
    const at = this.#count;
    this.#count += 1;
    if (this.isBytes && item instanceof Uint8Array) return item;
    if (check === undefined) return [item];
    try {
      return [check(item, new CheckBudget())];
    } catch (thrown) {
      throw placed(thrown, at);
    }
  }
}

/** A future that an embedder gives a guest: a value, or its promise. */
export class GivenFuture {
  readonly #given: unknown;
  readonly #check: Check | undefined;

  constructor(given: unknown, check?: Check) {
    this.#given = given;
    this.#check = check;
  }

  /** Waits for the value. @throws {TypeError} for one that the future's type does not have, saying where */
  async value(): Promise<unknown> {
    const value = await this.#given;
    if (this.#check === undefined) return value;
    try {
      return this.#check(value, new CheckBudget());
    } catch (thrown) {
      throw placed(thrown);
    }
  }
}

/** @param item the number of the item that was checked, from 0, if it is of a stream */
function placed(thrown: unknown, item?: number): unknown {
  if (!(thrown instanceof Refusal)) return thrown;
  return new TypeError((item === undefined ? thrown : thrown.inside(item)).inAnswer());
}

function noStream(given: unknown): Refusal {
  return unexpected('a stream, as a ReadableStream or an iterable,', given);
}

function checkUnlocked(stream: ReadableStream): void {
  if (stream.locked) throw new Refusal('a stream is expected that nobody reads, and this one has a reader');
}

function methodOf(given: object): Method {
  for (const symbol of [Symbol.asyncIterator, Symbol.iterator]) {
    const method: unknown = Reflect.get(given, symbol);
    if (typeof method === 'function') return method as Method;
  }
  throw noStream(given);
}

function readerOf(stream: ReadableStream<unknown>): GivenItems {
  const reader = stream.getReader();
  let isOver = false;
  return {
    async next() {
      const read = await reader.read();
      if (read.done) {
        isOver = true;
        reader.releaseLock();
      }
      return read as IteratorResult<unknown, unknown>;
    },
    stop: () => ignoring(() => (isOver ? undefined : reader.cancel())),
  };
}

function ignoring(work: () => unknown): void {
  try {
    Promise.resolve(work()).catch(() => {});
  } catch {}
}

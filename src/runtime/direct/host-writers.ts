import { messageOf } from '#core/errors';
import { HostStream } from '#runtime/host';
import { COPY, type CopyBuffer, SharedCopy, type Thread } from '#runtime/tasks';
import { RuntimeError } from '../errors.ts';
import { give } from './host-streams.ts';
import type { State } from './store-tasks.ts';

type Values = readonly unknown[] | Uint8Array;

/** Values of the host that a guest has not read yet. */
class Source implements CopyBuffer {
  progress = 0;
  readonly isEmpty = false;
  readonly hostBytes = 0;
  readonly #values: Values;

  constructor(values: Values) {
    this.#values = values;
  }

  get remaining(): number {
    return this.#values.length - this.progress;
  }

  read(count: number): ArrayLike<unknown> {
    const part =
      this.#values instanceof Uint8Array
        ? this.#values.subarray(this.progress, this.progress + count)
        : this.#values.slice(this.progress, this.progress + count);
    this.progress += count;
    return part;
  }

  write(): never {
    throw new Error('the values of a writer are not written');
  }
}

/** A stream that the embedder gave, as the host asks for its items. */
interface Items {
  next(): PromiseLike<IteratorResult<unknown, unknown>> | IteratorResult<unknown, unknown>;
  /** Says that nobody wants more of it. It may be called while `next` is under way. */
  stop(): unknown;
}

/**
 * Makes a stream or future that a guest reads of what the embedder gave: a `ReadableStream`, an iterable, or for a future a value or
 * its promise. A function of the host's own gives a `HostStream`.
 */
export function fromHost(state: State, value: unknown, type: number, isFuture: boolean): SharedCopy {
  if (!isFuture && value instanceof HostStream) return give(state, value, type);
  const shared = new SharedCopy(type, isFuture, true);
  new HostWriter(state, shared).begin(value);
  return shared;
}

/** Writes what the embedder gave, until it has no more, the guest reads no more, or the store ends. */
class HostWriter {
  readonly #state: State;
  readonly #shared: SharedCopy;
  /** The thread that was given it. Its call is the one that ends the component where the embedder's part fails. */
  readonly #thread: Thread | undefined;
  #items: Items | undefined;
  readonly #release: () => void;
  readonly #forget: () => void;
  #isOver = false;

  constructor(state: State, shared: SharedCopy) {
    this.#state = state;
    this.#shared = shared;
    this.#thread = state.tasks.store.current;
    this.#release = state.tasks.store.expectHost();
    this.#forget = state.tasks.onEnd(() => this.#end());
    const dropped = (): void => this.#end();
    shared.onDrop = dropped;
  }

  begin(value: unknown): void {
    const { isFuture } = this.#shared;
    const write = isFuture ? this.#writeFuture(value) : this.#writeStream(value);
    write.then(
      () => this.#finish(),
      (thrown: unknown) => {
        const wasOver = this.#isOver;
        this.#finish();
        if (!wasOver) this.#failed(thrown);
      },
    );
  }

  async #writeFuture(value: unknown): Promise<void> {
    const found = await value;
    if (!this.#isOver) await this.#written([found]);
  }

  async #writeStream(value: unknown): Promise<void> {
    const items = itemsOf(value);
    this.#items = items;
    while (!this.#isOver) {
      const { value: item, done } = await items.next();
      if (done === true) break;
      const values = item instanceof Uint8Array ? item : [item];
      if (!this.#isOver && values.length > 0) await this.#written(values);
    }
    this.#items = undefined;
    this.#state.tasks.store.enqueue(() => this.#shared.drop());
  }

  /**
   * Nobody reads any more: what the embedder gave is told so, also where its next item has not come yet. Nobody waits for how it cleans
   * up, so a failure of that concerns no call.
   */
  #end(): void {
    const items = this.#items;
    this.#finish();
    if (items === undefined) return;
    try {
      Promise.resolve(items.stop()).catch(() => {});
    } catch {}
  }

  #finish(): void {
    this.#isOver = true;
    this.#items = undefined;
    this.#forget();
    this.#release();
  }

  /** Ends the component with the reason, in a turn of it. */
  #failed(thrown: unknown): void {
    const message = `a ${this.#shared.isFuture ? 'future' : 'stream'} that the host gave ended with ${messageOf(thrown)}`;
    const { store } = this.#state.tasks;
    store.enqueue(() => {
      store.current = this.#thread;
      throw new RuntimeError('RUNTIME_TRAP', message, { cause: thrown });
    });
  }

  /** Writes values until the guest has read them or reads no more. Never settles where the store ends first. */
  #written(values: Values): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const shared = this.#shared;
    this.#state.tasks.store.enqueue(() => {
      const source = new Source(values);
      const writing = {
        owner: undefined,
        buffer: source,
        copied: (): void => {
          if (source.remaining > 0) return;
          shared.reclaim(writing);
          resolve();
        },
        done: (result: number): void => {
          if (result !== COPY.completed || source.remaining === 0) resolve();
          else shared.write(writing);
        },
      };
      shared.write(writing);
    });
    return promise;
  }
}

/** @throws {TypeError} for what is neither a stream nor an iterable */
function itemsOf(value: unknown): Items {
  // The iterator of a `ReadableStream` would not cancel it before its next item has come.
  if (value instanceof ReadableStream) return readerOf(value);
  const given = value as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  if (typeof given === 'object' && given !== null) {
    const iterator =
      given instanceof Uint8Array
        ? [given][Symbol.iterator]()
        : (given[Symbol.asyncIterator]?.() ?? given[Symbol.iterator]?.());
    if (iterator !== undefined) return { next: () => iterator.next(), stop: () => iterator.return?.(undefined) };
  }
  throw new TypeError('a stream is expected: a ReadableStream or an iterable');
}

function readerOf(stream: ReadableStream<unknown>): Items {
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
    stop: () => (isOver ? undefined : reader.cancel()),
  };
}

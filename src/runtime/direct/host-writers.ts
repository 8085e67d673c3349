import { messageOf } from '#core/errors';
import { GivenFuture, type GivenItems, GivenStream } from '#runtime/exports';
import { HostStream } from '#runtime/host';
import { COPY, type CopyBuffer, SharedCopy, type Thread } from '#runtime/tasks';
import { RuntimeError } from '../errors.ts';
import { give } from './host-streams.ts';
import type { State } from './store-tasks.ts';

type Values = readonly unknown[] | Uint8Array;

/** V8 keeps about this many bytes for what writes a stream or future of an embedder's: its parts, an asynchronous function, and promises. */
const WRITER_BYTES = 1_024;

/** Values of the host that a guest has not read yet. */
class Source implements CopyBuffer {
  progress = 0;
  readonly isEmpty = false;
  readonly hostBytes = 0;
  readonly #values: Values;

  constructor(values: Values) {
    this.#values = values;
  }

  /** The embedder may take the bytes of an array away, which is empty then. */
  get remaining(): number {
    return Math.max(0, this.#values.length - this.progress);
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

/** A writer that fails whoever reads on. */
class Failing implements CopyBuffer {
  readonly progress = 0;
  readonly remaining = 1;
  readonly isEmpty = false;
  readonly hostBytes = 0;
  readonly #fail: () => never;

  constructor(fail: () => never) {
    this.#fail = fail;
  }

  read(): never {
    return this.#fail();
  }

  write(): void {}
}

/**
 * Makes a stream or future that a guest reads of what the embedder gave. A function of the host's own gives a `HostStream`.
 * @param isBytes whether it is a stream of bytes
 */
export function fromHost(state: State, value: unknown, type: number, isFuture: boolean, isBytes: boolean): SharedCopy {
  if (!isFuture && value instanceof HostStream) return give(state, value, type);
  const shared = new SharedCopy(type, isFuture, true);
  // What functions of the host's own answer was not checked.
  if (isFuture) new HostWriter(state, shared).write(value instanceof GivenFuture ? value : new GivenFuture(value));
  else new HostWriter(state, shared).write(value instanceof GivenStream ? value : new GivenStream(value, { isBytes }));
  return shared;
}

/** Writes what the embedder gave, until it has no more, the guest reads no more, or the store ends. */
class HostWriter {
  readonly #state: State;
  readonly #shared: SharedCopy;
  /** The thread that was given it. Its call is the one that ends the component where the embedder's part fails. */
  readonly #thread: Thread | undefined;
  #items: GivenItems | undefined;
  readonly #release: () => void;
  readonly #forget: () => void;
  /** Gives back what the store was charged for it. */
  readonly #vacate: () => void;
  #isOver = false;

  constructor(state: State, shared: SharedCopy) {
    this.#state = state;
    this.#shared = shared;
    this.#thread = state.tasks.store.current;
    this.#vacate = state.tasks.occupy(WRITER_BYTES);
    this.#release = state.tasks.store.expectHost();
    this.#forget = state.tasks.onEnd(() => this.#end());
    const dropped = (): void => this.#end();
    shared.onDrop = dropped;
  }

  write(given: GivenStream | GivenFuture): void {
    const write = given instanceof GivenFuture ? this.#writeFuture(given) : this.#writeStream(given);
    write.then(
      () => this.#finish(),
      (thrown: unknown) => {
        const wasOver = this.#isOver;
        this.#finish();
        if (!wasOver) this.#failed(thrown);
      },
    );
  }

  async #writeFuture(given: GivenFuture): Promise<void> {
    const found = await given.value();
    if (!this.#isOver) await this.#written([found]);
  }

  async #writeStream(given: GivenStream): Promise<void> {
    const items = given.open();
    this.#items = items;
    while (!this.#isOver) {
      const values = await given.next(items);
      if (this.#isOver || values === undefined) break;
      if (values.length > 0) await this.#written(values);
    }
    this.#items = undefined;
    this.#state.tasks.store.dropEnd(this.#shared);
  }

  /** Nobody reads any more: what the embedder gave is told so, also where its next item has not come yet. */
  #end(): void {
    const items = this.#items;
    this.#finish();
    items?.stop();
  }

  #finish(): void {
    this.#isOver = true;
    this.#items = undefined;
    this.#forget();
    this.#release();
    // Promises keep it until their jobs have run, which they do not while a guest goes on without a pause.
    queueMicrotask(this.#vacate);
  }

  /** Ends the component with the reason once a guest reads on. What no guest reads concerns none. */
  #failed(thrown: unknown): void {
    const message = `a ${this.#shared.isFuture ? 'future' : 'stream'} that the host gave failed: ${messageOf(thrown)}`;
    const { store } = this.#state.tasks;
    const failing = new Failing(() => {
      store.current ??= this.#thread;
      throw new RuntimeError('RUNTIME_TRAP', message, { cause: thrown });
    });
    store.enqueue(() => this.#shared.write({ owner: undefined, buffer: failing, copied: () => {}, done: () => {} }));
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

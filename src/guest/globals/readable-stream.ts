import { install } from './install.ts';
import { missing } from './missing.ts';

type Result<T> = { readonly done: false; readonly value: T } | { readonly done: true; readonly value: undefined };

interface UnderlyingSource<T> {
  readonly type?: undefined;
  start?(controller: ReadableStreamDefaultController<T>): unknown;
  pull?(controller: ReadableStreamDefaultController<T>): unknown;
  cancel?(reason: unknown): unknown;
}

interface Strategy<T> {
  readonly highWaterMark?: number;
  size?(chunk: T): number;
}

/** A call of `read` that waits for a chunk. */
interface Waiting<T> {
  resolve(result: Result<T>): void;
  reject(reason: unknown): void;
}

/** What a stream, its controller and its reader share. */
class Queue<T> {
  readonly source: UnderlyingSource<T>;
  readonly controller: ReadableStreamDefaultController<T>;
  reader: ReadableStreamDefaultReader<T> | undefined;
  isDisturbed = false;
  readonly #chunks: { readonly value: T; readonly size: number }[] = [];
  readonly #waiting: Waiting<T>[] = [];
  readonly #highWaterMark: number;
  readonly #sizeOf: (chunk: T) => number;
  #state: 'readable' | 'closing' | 'closed' | 'errored' = 'readable';
  #reason: unknown;
  #size = 0;
  #isStarted = false;
  #isPulling = false;
  #pullsAgain = false;

  constructor(source: UnderlyingSource<T>, { highWaterMark = 1, size = () => 1 }: Strategy<T>) {
    if (Number.isNaN(highWaterMark) || highWaterMark < 0) throw new RangeError('highWaterMark is not a size');
    this.source = source;
    this.#highWaterMark = highWaterMark;
    this.#sizeOf = size;
    this.controller = new ReadableStreamDefaultController(this);
  }

  start(): void {
    const started = this.source.start?.(this.controller);
    Promise.resolve(started).then(
      () => {
        this.#isStarted = true;
        this.#pull();
      },
      (reason) => this.error(reason),
    );
  }

  get room(): number | null {
    if (this.#state === 'errored') return null;
    return this.#state === 'closed' ? 0 : this.#highWaterMark - this.#size;
  }

  enqueue(value: T): void {
    if (this.#state !== 'readable') throw new TypeError('the stream takes no chunk: it was closed, or it failed');
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next.resolve({ done: false, value });
    } else {
      const size = Number(this.#sizeOf(value));
      if (!(size >= 0)) throw new RangeError('the size of a chunk is not a size');
      this.#chunks.push({ value, size });
      this.#size += size;
    }
    this.#pull();
  }

  close(): void {
    if (this.#state !== 'readable') throw new TypeError('the stream was closed already, or it failed');
    this.#state = 'closing';
    if (this.#chunks.length === 0) this.#end();
  }

  error(reason: unknown): void {
    if (this.#state === 'closed' || this.#state === 'errored') return;
    this.#state = 'errored';
    this.#reason = reason;
    this.#chunks.length = 0;
    this.reader?.ended(true, reason);
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  read(): Promise<Result<T>> {
    this.isDisturbed = true;
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#size -= chunk.size;
      if (this.#chunks.length === 0 && this.#state === 'closing') this.#end();
      else this.#pull();
      return Promise.resolve({ done: false, value: chunk.value });
    }
    if (this.#state === 'errored') return Promise.reject(this.#reason);
    if (this.#state === 'closed') return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#pull();
    });
  }

  async cancel(reason: unknown): Promise<void> {
    this.isDisturbed = true;
    if (this.#state === 'closed') return;
    if (this.#state === 'errored') throw this.#reason;
    this.#chunks.length = 0;
    this.#size = 0;
    this.#end();
    await this.source.cancel?.(reason);
  }

  /** Tells a reader that comes late how the stream has ended. */
  tell(reader: ReadableStreamDefaultReader<T>): void {
    if (this.#state === 'closed') reader.ended(false);
    else if (this.#state === 'errored') reader.ended(true, this.#reason);
  }

  release(error: TypeError): void {
    this.reader = undefined;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #end(): void {
    this.#state = 'closed';
    this.reader?.ended(false);
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  /** Asks the source for more if a reader waits or the queue has room; one `pull` runs at a time. */
  #pull(): void {
    const wants = this.#waiting.length > 0 || (this.room ?? 0) > 0;
    if (!this.#isStarted || this.#state !== 'readable' || !wants || this.source.pull === undefined) return;
    if (this.#isPulling) {
      this.#pullsAgain = true;
      return;
    }
    this.#isPulling = true;
    new Promise((resolve) => resolve(this.source.pull?.(this.controller))).then(
      () => {
        this.#isPulling = false;
        if (!this.#pullsAgain) return;
        this.#pullsAgain = false;
        this.#pull();
      },
      (reason) => this.error(reason),
    );
  }
}

class ReadableStreamDefaultController<T> {
  readonly #queue: Queue<T>;

  constructor(queue: Queue<T>) {
    this.#queue = queue;
  }

  get desiredSize(): number | null {
    return this.#queue.room;
  }

  enqueue(chunk: T): void {
    this.#queue.enqueue(chunk);
  }

  close(): void {
    this.#queue.close();
  }

  error(reason?: unknown): void {
    this.#queue.error(reason);
  }
}

class ReadableStreamDefaultReader<T> {
  #closed: Promise<void>;
  #queue: Queue<T> | undefined;
  #settle!: { resolve(): void; reject(reason: unknown): void };

  constructor(queue: Queue<T>) {
    if (queue.reader !== undefined) throw new TypeError('the stream has a reader already');
    this.#queue = queue;
    queue.reader = this;
    this.#closed = handled(
      new Promise((resolve, reject) => {
        this.#settle = { resolve, reject };
      }),
    );
    queue.tell(this);
  }

  get closed(): Promise<void> {
    return this.#closed;
  }

  read(): Promise<Result<T>> {
    return this.#queue?.read() ?? Promise.reject(new TypeError('the reader was released'));
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#queue?.cancel(reason) ?? Promise.reject(new TypeError('the reader was released'));
  }

  releaseLock(): void {
    if (this.#queue === undefined) return;
    const error = new TypeError('the reader was released');
    this.#settle.reject(error);
    this.#closed = handled(Promise.reject(error));
    this.#queue.release(error);
    this.#queue = undefined;
  }

  /** Called by the stream when it has ended. */
  ended(hasFailed: boolean, reason?: unknown): void {
    if (hasFailed) this.#settle.reject(reason);
    else this.#settle.resolve();
  }
}

/** Whoever reads learns of an error from `read`, so that a rejection of `closed` needs nobody to handle it. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}

/** Whether something of a stream was read or cancelled, so that not all of it can be read any more. */
export let isDisturbed: (stream: ReadableStream) => boolean;

/**
 * The part of the web's `ReadableStream` that reads chunk by chunk. Its source is asked for a chunk when somebody reads or the queue has
 * room, so that a slow reader slows the source.
 */
export class ReadableStream<T = Uint8Array> {
  readonly #queue: Queue<T>;

  static {
    isDisturbed = (stream) => stream.#queue.isDisturbed;
  }

  constructor(source: UnderlyingSource<T> = {}, strategy: Strategy<T> = {}) {
    if (source.type !== undefined)
      throw new TypeError('streams of type "bytes" are not there in a guest: leave type out');
    this.#queue = new Queue(source, strategy);
    this.#queue.start();
  }

  /** Makes a stream of the values of an iterable, which may be asynchronous. */
  static from<T>(values: AsyncIterable<T> | Iterable<T>): ReadableStream<T> {
    const iterator = Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : values[Symbol.iterator]();
    return new ReadableStream<T>(
      {
        async pull(controller) {
          const { done, value } = await iterator.next();
          if (done === true) controller.close();
          else controller.enqueue(await value);
        },
        async cancel(reason) {
          await iterator.return?.(reason);
        },
      },
      { highWaterMark: 0 },
    );
  }

  get locked(): boolean {
    return this.#queue.reader !== undefined;
  }

  getReader(options: { readonly mode?: undefined } = {}): ReadableStreamDefaultReader<T> {
    if (options.mode !== undefined)
      throw new TypeError('readers of mode "byob" are not there in a guest: leave mode out');
    return new ReadableStreamDefaultReader(this.#queue);
  }

  async cancel(reason?: unknown): Promise<void> {
    if (this.locked) throw new TypeError('the stream has a reader, which can cancel it');
    await this.#queue.cancel(reason);
  }

  /** Makes two streams of this one. What one of them has read and the other has not is kept. */
  tee(): [ReadableStream<T>, ReadableStream<T>] {
    const reader = this.getReader();
    const controllers: ReadableStreamDefaultController<T>[] = [];
    const cancelled: unknown[] = [];
    let open = 2;
    let reading = false;
    const pull = async (): Promise<void> => {
      if (reading) return;
      reading = true;
      try {
        const { done, value } = await reader.read();
        for (const [index, controller] of controllers.entries()) {
          if (index in cancelled) continue;
          if (done) controller.close();
          else controller.enqueue(value);
        }
      } catch (error) {
        for (const controller of controllers) controller.error(error);
      } finally {
        reading = false;
      }
    };
    const branch = (index: number): ReadableStream<T> =>
      new ReadableStream<T>(
        {
          start(controller) {
            controllers[index] = controller;
          },
          pull,
          async cancel(reason) {
            cancelled[index] = reason;
            open -= 1;
            if (open === 0) await reader.cancel(cancelled);
          },
        },
        { highWaterMark: 0 },
      );
    return [branch(0), branch(1)];
  }

  async *values({ preventCancel = false }: { readonly preventCancel?: boolean } = {}): AsyncGenerator<T, void, void> {
    const reader = this.getReader();
    let isOver = false;
    try {
      for (;;) {
        const { done, value } = await reader.read().catch((error) => {
          isOver = true;
          throw error;
        });
        if (done) {
          isOver = true;
          return;
        }
        yield value;
      }
    } finally {
      if (!isOver && !preventCancel) await reader.cancel();
      reader.releaseLock();
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    return this.values();
  }
}

const BY_HAND = 'write for await (const chunk of stream)';
missing(ReadableStream.prototype, 'pipeTo', 'pipeTo of a stream', BY_HAND);
missing(ReadableStream.prototype, 'pipeThrough', 'pipeThrough of a stream', BY_HAND);

install({ ReadableStream });

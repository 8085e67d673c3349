import type { CopyBuffer, SharedCopy } from '#runtime/tasks';
import { TakenStream } from './host-streams.ts';
import type { State } from './store-tasks.ts';

/** The most bytes, and the most other items, that the host takes at a time. */
const BYTES_AT_ONCE = 65_536;
const ITEMS_AT_ONCE = 256;
/** Bytes of the host that an item of a collected stream is charged, at least. */
const ITEM_CHARGE = 64;

type Values = readonly unknown[] | Uint8Array;

/** What the host has read: values, or that there are no more. */
interface Portion {
  readonly values: Values;
  readonly isLast: boolean;
}

/** Room of the host for what one read of a stream or future brings. */
class Sink implements CopyBuffer {
  progress = 0;
  readonly isEmpty = false;
  readonly #parts: Values[] = [];
  readonly #most: number;
  readonly #takes: (count: number) => void;

  /** @param takes called before values are kept */
  constructor(most: number, takes: (count: number) => void) {
    this.#most = most;
    this.#takes = takes;
  }

  get remaining(): number {
    return this.#most - this.progress;
  }

  read(): never {
    throw new Error('the room of a reader is not read');
  }

  write(values: ArrayLike<unknown>): void {
    this.#takes(values.length);
    this.progress += values.length;
    // The values may be a view of the guest's memory.
    this.#parts.push(values instanceof Uint8Array ? values.slice() : Array.from(values));
  }

  get values(): Values {
    return this.#parts.length === 1 ? (this.#parts[0] as Values) : this.#parts.flatMap((part) => [...part]);
  }
}

/** The host's end of a stream or future that a guest writes. Its work is done in turns of the store. */
class HostReader {
  readonly #state: State;
  readonly #shared: SharedCopy;
  readonly #most: number;
  readonly #charge: number | undefined;
  #release: () => void;

  /** @param charge what each value is charged that is kept, if the reader collects them; then it always waits for the guest */
  constructor(state: State, shared: SharedCopy, isBytes: boolean, charge?: number) {
    this.#state = state;
    this.#charge = charge;
    this.#shared = shared;
    this.#most = shared.isFuture ? 1 : isBytes ? BYTES_AT_ONCE : ITEMS_AT_ONCE;
    this.#release = state.tasks.store.expectHost();
  }

  /** Reads what the guest writes next. Rejects when the store ends. */
  next(): Promise<Portion> {
    const { promise, resolve, reject } = Promise.withResolvers<Portion>();
    const { tasks } = this.#state;
    const forget = tasks.onEnd(reject);
    tasks.store.enqueue(() => {
      const charge = this.#charge;
      const sink = new Sink(this.#most, (count) => {
        if (charge !== undefined) tasks.charge(count * charge);
      });
      const goesOn = charge === undefined ? (): void => {} : tasks.store.stallHost();
      const end = (isLast: boolean): void => {
        goesOn();
        forget();
        if (isLast) this.close();
        resolve({ values: sink.values, isLast });
      };
      this.#shared.read({
        owner: undefined,
        buffer: sink,
        copied: (reclaim) => {
          reclaim();
          end(false);
        },
        done: (result) => end(this.#shared.isFuture || result !== 0),
      });
    });
    return promise;
  }

  /** Nobody reads any more: the guest that writes learns that its values are dropped. */
  close(): void {
    this.#release();
    this.#release = () => {};
    this.#state.tasks.store.enqueue(() => this.#shared.drop());
  }
}

/**
 * What stands for a guest's stream or future in JavaScript: a `ReadableStream` of bytes, an async iterable of other items, or
 * a promise.
 * @param isOurs whether a function of the host's own is given it, which gets a stream as a `GuestStream`
 */
export function toHost(state: State, shared: SharedCopy, isBytes: boolean, isOurs?: boolean): unknown {
  if (isOurs === true && !shared.isFuture) return new TakenStream(state, shared);
  const reader = new HostReader(state, shared, isBytes);
  if (shared.isFuture) {
    const value = reader.next().then(({ values }) => values[0]);
    // A function may ignore the future, which is no reason to end the process where the store ends first.
    value.catch(() => {});
    return value;
  }
  return isBytes ? byteStream(reader) : items(reader);
}

function byteStream(reader: HostReader): ReadableStream<Uint8Array> {
  const source: UnderlyingByteSource = {
    type: 'bytes',
    async pull(controller) {
      const { values, isLast } = await reader.next();
      if (values.length > 0) controller.enqueue(Uint8Array.from(values as Uint8Array));
      if (!isLast) return;
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: () => reader.close(),
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

async function* items(reader: HostReader): AsyncGenerator<unknown, void> {
  try {
    for (;;) {
      const { values, isLast } = await reader.next();
      yield* values as unknown[];
      if (isLast) return;
    }
  } finally {
    reader.close();
  }
}

/**
 * Reads all that a guest writes into a stream or future which its answer holds, because the turn ends with the answer. The
 * store is charged for what is kept.
 */
export function collected(state: State, shared: SharedCopy, isBytes: boolean): unknown {
  const reader = new HostReader(state, shared, isBytes, isBytes ? 1 : ITEM_CHARGE);
  const release = state.tasks.store.holdTurn();
  const portions: Values[] = [];
  const read = async (): Promise<readonly Values[]> => {
    try {
      for (;;) {
        const { values, isLast } = await reader.next();
        if (values.length > 0) portions.push(values);
        if (isLast) return portions;
      }
    } finally {
      release();
    }
  };
  const all = read();
  all.catch(() => {});
  if (shared.isFuture) return all.then(([values]) => values?.[0]);
  if (!isBytes) return kept(all);
  return new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const values of await all) controller.enqueue(values as Uint8Array);
      controller.close();
    },
  });
}

async function* kept(all: Promise<readonly Values[]>): AsyncGenerator<unknown, void> {
  for (const values of await all) yield* values as unknown[];
}

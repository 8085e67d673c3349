import { trap } from '#runtime/exchange';
import { GivenFuture, GivenStream } from '#runtime/exports';
import type { SharedCopy } from '#runtime/tasks';
import { TakenStream } from './host-streams.ts';
import { ByteBlocks, ByteSink, type Charge, ItemSink, type Values } from './sink.ts';
import type { State } from './store-tasks.ts';
import { type Portion, type Portions, StreamItems } from './stream-items.ts';

/** The most bytes, and the most other items, that the host takes at a time. */
const BYTES_AT_ONCE = 65_536;
const ITEMS_AT_ONCE = 256;
/** Bytes of the host that an item of a collected stream is charged, at least. */
const ITEM_CHARGE = 64;
/** Bytes of the host that a collected stream or future takes besides its values: what reads it, its promises and what stands for it. */
const READER_CHARGE = 512;
/** Bytes that V8 keeps about for what waits for a future that a guest has passed: the reader, its promises, and closures. */
const FUTURE_BYTES = 1_024;

/** The host's end of a stream or future that a guest writes. Its work is done in turns of the store. */
class HostReader implements Portions {
  readonly #state: State;
  readonly #shared: SharedCopy;
  readonly #isBytes: boolean;
  readonly #collects: Charge | undefined;
  #release: (() => void) | undefined;

  /** @param collects charges the values that the reader is about to keep, if it keeps all; then it always waits for the guest */
  constructor(state: State, shared: SharedCopy, isBytes: boolean, collects?: Charge) {
    this.#state = state;
    this.#collects = collects;
    this.#shared = shared;
    this.#isBytes = isBytes && !shared.isFuture;
    this.#release = state.tasks.store.expectHost();
  }

  /** Reads what the guest writes next. Rejects when the store ends. */
  next(): Promise<Portion> {
    // Between turns no job runs until the next one. Nothing of the guest is needed to say that its writer has gone.
    if (this.#shared.isDropped && !this.#shared.isFuture && this.#state.tasks.store.isIdle) {
      this.#letGo();
      return Promise.resolve({ values: [], isLast: true });
    }
    const { promise, resolve, reject } = Promise.withResolvers<Portion>();
    const { tasks } = this.#state;
    const forget = tasks.onEnd(reject);
    tasks.store.enqueue(() => {
      const sink = this.#isBytes
        ? new ByteSink(BYTES_AT_ONCE, this.#collects)
        : new ItemSink(this.#shared.isFuture ? 1 : ITEMS_AT_ONCE, this.#collects);
      const goesOn = this.#collects === undefined ? (): void => {} : tasks.store.stallHost();
      const end = (isLast: boolean): void => {
        goesOn();
        forget();
        if (isLast) this.close();
        resolve({ values: sink.values, isLast });
      };
      const reading = {
        owner: undefined,
        buffer: sink,
        copied: () => {
          this.#shared.reclaim(reading);
          end(false);
        },
        done: (result: number) => end(this.#shared.isFuture || result !== 0),
      };
      this.#shared.read(reading);
    });
    return promise;
  }

  /** Nobody reads any more: the guest that writes learns that its values are dropped. */
  close(): void {
    this.#letGo();
    this.#state.tasks.store.dropEnd(this.#shared);
  }

  #letGo(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}

/**
 * What stands for a guest's stream or future in JavaScript: a `ReadableStream` of bytes, an async iterable of other items, or
 * a promise.
 * @param isOurs whether a function of the host's own is given it, which gets a stream as a `GuestStream`
 */
export function toHost(state: State, shared: SharedCopy, isBytes: boolean, isOurs?: boolean): unknown {
  if (isOurs === true && !shared.isFuture) return new TakenStream(state, shared);
  if (shared.isFuture) return futureOf(state, shared);
  const reader = new HostReader(state, shared, isBytes);
  return isBytes ? byteStream(reader) : new StreamItems(reader);
}

function futureOf(state: State, shared: SharedCopy): Promise<unknown> {
  const vacate = state.tasks.occupy(FUTURE_BYTES);
  const reader = new HostReader(state, shared, false);
  const value = reader.next().then(({ values }) => {
    vacate();
    return values[0];
  });
  return ignorable(value);
}

/**
 * A promise that may have nobody: a function may ignore a future, and a call that ends before its answer gives it to no caller. Where
 * the store ends first, that is no reason to end the process.
 */
function ignorable<T>(value: Promise<T>): Promise<T> {
  value.catch(() => {});
  return value;
}

function byteStream(reader: Portions): ReadableStream<Uint8Array> {
  const source: UnderlyingByteSource = {
    type: 'bytes',
    async pull(controller) {
      let portion = await reader.next();
      // Nobody asks again for what was answered with nothing.
      while (portion.values.length === 0 && !portion.isLast) portion = await reader.next();
      const { values, isLast } = portion;
      if (values.length > 0) controller.enqueue(values as Uint8Array<ArrayBuffer>);
      if (!isLast) return;
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: () => reader.close(),
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** What an embedder gave, as JavaScript gets it where an export of a component is an import, and no guest is between. */
export function passedOn(given: unknown): unknown {
  if (given instanceof GivenFuture) return ignorable(given.value());
  if (!(given instanceof GivenStream)) return given;
  const items = given.open();
  const portions: Portions = {
    async next() {
      const values = await given.next(items);
      if (values === undefined) return { values: [], isLast: true };
      return { values: given.isBytes ? Uint8Array.from(values as Uint8Array) : (values as Values), isLast: false };
    },
    close: () => items.stop(),
  };
  return given.isBytes ? byteStream(portions) : new StreamItems(portions);
}

/**
 * Reads all that a guest writes into a stream or future which its answer holds, because the turn ends with the answer. The
 * store is charged for what is kept, until the call has ended and the embedder has it. A call that is given up meanwhile reads no more.
 */
export function collected(state: State, shared: SharedCopy, isBytes: boolean): unknown {
  const { store } = state.tasks;
  const answer = state.tasks.keptAnswer();
  const thread = store.current;
  const charge = (bytes: number): void => {
    if (answer.take(bytes)) return;
    // The host may read while no guest code runs. It is this call then that ends the component, and no other.
    store.current = thread;
    trap('the streams of an answer hold more than the host may keep for the component');
  };
  charge(READER_CHARGE);
  const chargeValues: Charge = isBytes
    ? charge
    : (count, hostBytes) => charge(Math.max(count * ITEM_CHARGE, hostBytes));
  const reader = new HostReader(state, shared, isBytes, chargeValues);
  answer.readBy(reader);
  const release = store.holdTurn();
  const readAll = async (keep: (values: Values) => void): Promise<void> => {
    try {
      for (let isLast = false; !isLast; ) {
        const portion = await reader.next();
        if (portion.values.length > 0) keep(portion.values);
        isLast = portion.isLast;
      }
    } finally {
      release();
    }
  };
  if (isBytes && !shared.isFuture) return collectedBytes(readAll);
  const portions: Values[] = [];
  const all = ignorable(readAll((values) => portions.push(values)).then(() => portions));
  return shared.isFuture ? ignorable(all.then(([values]) => values?.[0])) : kept(all);
}

function collectedBytes(readAll: (keep: (values: Values) => void) => Promise<void>): ReadableStream<Uint8Array> {
  const blocks = new ByteBlocks();
  const all = ignorable(readAll((values) => blocks.append(values as Uint8Array)));
  return new ReadableStream<Uint8Array>({
    async start(controller) {
      await all;
      for (const block of blocks) controller.enqueue(block);
      controller.close();
    },
  });
}

function kept(all: Promise<readonly Values[]>): StreamItems {
  let next = 0;
  return new StreamItems({
    next: async () => {
      const portions = await all;
      const values = portions[next] ?? [];
      next += 1;
      return { values, isLast: next >= portions.length };
    },
    close: () => {},
  });
}

import type { GuestStream, HostStream, StreamSink, StreamSource } from '#runtime/host';
import { COPY, type CopyBuffer, SharedCopy } from '#runtime/tasks';
import type { State } from './store-tasks.ts';

/** The most values that a stream of the host's passes at a time. */
const AT_ONCE = 65_536;
/** So many portions pass before the event loop runs: a guest may offer a whole memory at once. */
const PORTIONS_PER_BREATH = 16;

type Values = Uint8Array | readonly unknown[];
type Waitable = Pick<StreamSource, 'ready' | 'whenReady'>;

/** A writer that has no value yet and only waits for a reader. */
const ASKING = buffer({ isEmpty: true });
/** A writer that has something but does not say how much, for a reader that only waits for a writer. */
const OFFERING = buffer({ isEmpty: false });

function buffer(parts: Partial<CopyBuffer>): CopyBuffer {
  return {
    remaining: 0,
    progress: 0,
    isEmpty: false,
    hostBytes: 0,
    read: () => [],
    write: () => {},
    ...parts,
  };
}

/** Whether what a source or sink threw is a case that the guest is told, and not a failure that ends the store. */
function isCase(thrown: unknown): boolean {
  return !(thrown instanceof Error);
}

/** One course of work on a stream of the host's: each step runs in a turn of the store, and between steps it may wait. */
class Steps {
  readonly #state: State;
  #portions = 0;
  #forget: () => void;
  #waiting: (() => void) | undefined;
  isOver = false;

  /** @param ended called when the store ends before the work */
  constructor(state: State, ended: (reason: unknown) => void) {
    this.#state = state;
    this.#forget = state.tasks.onEnd(ended);
  }

  /** Ends the work. Answers whether it was under way. */
  end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#forget();
    this.#waiting?.();
    return true;
  }

  /** Runs a step later in the turn, or in the next one. */
  next(step: () => void): void {
    this.#state.tasks.store.enqueue(() => {
      if (!this.isOver) step();
    });
  }

  /** Counts a portion. Answers whether the event loop must run before the next one. */
  get isTired(): boolean {
    this.#portions += 1;
    return this.#portions % PORTIONS_PER_BREATH === 0;
  }

  breathe(step: () => void): void {
    this.wait({ ready: () => false, whenReady: afterEventLoop }, step);
  }

  /** Runs a step when something may have become ready. */
  wait(what: Waitable, step: () => void): void {
    const arrived = this.#state.tasks.store.expectHost();
    let unsubscribe: (() => void) | undefined;
    let isWoken = false;
    const stop = (): void => {
      isWoken = true;
      unsubscribe?.();
      this.#waiting = undefined;
      arrived();
    };
    this.#waiting = stop;
    unsubscribe = what.whenReady(() => {
      if (isWoken) return;
      stop();
      this.next(step);
    });
    if (isWoken) unsubscribe();
  }
}

function afterEventLoop(wake: () => void): () => void {
  const immediate = setImmediate(wake);
  return () => clearImmediate(immediate);
}

/** Makes a stream that a guest reads of what a host function answered. */
export function give(state: State, { source, ended }: HostStream, type: number): SharedCopy {
  const shared = new SharedCopy(type, false, true);
  const end = (failure: unknown): void => {
    if (!steps.end()) return;
    source.close?.();
    shared.drop();
    ended(failure);
  };
  const steps = new Steps(state, end);
  const ask = (): void => {
    offer(ASKING, () => steps.next(serve));
  };
  const offer = (offered: CopyBuffer, then: () => void): void => {
    const done = (result: number): void => {
      if (result === COPY.completed && !steps.isOver) then();
    };
    shared.write({ owner: undefined, buffer: offered, copied: () => {}, done });
  };
  const serve = (): void => {
    const { wanted } = shared;
    if (wanted === undefined) {
      ask();
      return;
    }
    if (steps.isTired) {
      steps.breathe(serve);
      return;
    }
    let values: Values | undefined;
    try {
      const isReady = source.ready();
      if (isReady && wanted === 0) {
        offer(OFFERING, () => steps.next(serve));
        return;
      }
      values = isReady ? source.read(Math.min(wanted, AT_ONCE)) : [];
    } catch (thrown) {
      if (!isCase(thrown)) throw thrown;
      end(thrown);
      return;
    }
    if (values === undefined) end(undefined);
    else if (values.length === 0) steps.wait(source, serve);
    else offer(offered(values), ask);
  };
  const dropped = (): void => end(undefined);
  shared.onDrop = dropped;
  ask();
  return shared;
}

/** Values for a reader that has room for all of them. */
function offered(values: Values): CopyBuffer {
  return buffer({ remaining: values.length, read: () => values });
}

/** A stream that a guest gave to a function of the host's own. */
export class TakenStream implements GuestStream {
  readonly #state: State;
  readonly #shared: SharedCopy;

  constructor(state: State, shared: SharedCopy) {
    this.#state = state;
    this.#shared = shared;
  }

  drop(): void {
    this.#state.tasks.store.dropEnd(this.#shared);
  }

  pump(sink: StreamSink): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const shared = this.#shared;
    const end = (failure: unknown): void => {
      if (!steps.end()) return;
      sink.close?.();
      shared.drop();
      resolve(failure);
    };
    const steps = new Steps(this.#state, end);
    const attempt = <T>(operation: () => T): T | undefined => {
      try {
        return operation();
      } catch (thrown) {
        if (!isCase(thrown)) throw thrown;
        end(thrown);
        return undefined;
      }
    };
    const flush = (): void => {
      const flushed = attempt(() => sink.flush?.());
      if (steps.isOver) return;
      const settle = (): void => {
        if (flushed?.ready() === false) {
          steps.wait(flushed, settle);
          return;
        }
        // `room` throws if the sink has failed.
        attempt(() => sink.room());
        end(undefined);
      };
      settle();
    };
    /** Reads one portion. Answers whether to read the next one now. */
    const readOne = (): boolean => {
      if (steps.isTired) {
        steps.breathe(read);
        return false;
      }
      const room = attempt(() => (sink.ready() ? sink.room() : 0));
      if (room === undefined) return false;
      if (room === 0) {
        steps.wait(sink, read);
        return false;
      }
      let isHere = true;
      let isDone = false;
      const reading = {
        owner: undefined,
        buffer: buffer({
          remaining: Math.min(room, AT_ONCE),
          write: (values) => void attempt(() => sink.write(values as Values)),
        }),
        copied: () => {
          shared.reclaim(reading);
          if (!steps.isOver) read();
        },
        done: (result: number) => {
          if (steps.isOver) return;
          if (result !== COPY.completed) flush();
          else if (isHere) isDone = true;
          else steps.next(read);
        },
      };
      shared.read(reading);
      isHere = false;
      return isDone && !steps.isOver;
    };
    const read = (): void => {
      while (readOne());
    };
    steps.next(read);
    return promise;
  }
}

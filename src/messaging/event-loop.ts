import { keepAlive } from '#core/event-loop';

/** Schedules the runs of turns. Simulations replace it. */
export interface EventLoop {
  /** Runs `task` after the running code, before timers and I/O. */
  soon(task: () => void): void;
  /** Runs `task` after timers and I/O have run. */
  nextTurn(task: () => void): void;
  /** Keeps the process alive until the returned function is called. */
  hold(): () => void;
}

const ready = Promise.resolve();

export const nodeEventLoop: EventLoop = {
  // A run of turns never throws, so it does not need the context that `queueMicrotask` makes for each task.
  soon: (task) => {
    ready.then(task);
  },
  nextTurn: (task) => {
    setImmediate(task);
  },
  hold: keepAlive,
};

/**
 * Keeps the process alive while somebody waits for one of our promises. The clock's timers do not, and an answer may
 * depend on nothing else, for example during a back-off. Most waits end within the same iteration of the event loop and
 * cost only a counter.
 */
export class KeepAlive {
  readonly #loop: EventLoop;
  #waits = 0;
  #looking = false;
  #release: (() => void) | undefined;
  readonly #look = (): void => {
    this.#looking = false;
    if (this.#waits > 0) this.#release ??= this.#loop.hold();
  };

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  begin(): void {
    this.#waits += 1;
    if (this.#looking || this.#release !== undefined) return;
    this.#looking = true;
    this.#loop.nextTurn(this.#look);
  }

  end(): void {
    this.#waits -= 1;
    if (this.#waits > 0 || this.#release === undefined) return;
    this.#release();
    this.#release = undefined;
  }
}

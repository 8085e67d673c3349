/** Where turns are run from. Replaced in simulations. */
export interface EventLoop {
  /** Runs `task` as soon as the running code is done, before timers and I/O. */
  soon(task: () => void): void;
  /** Runs `task` after timers and I/O have had their turn. */
  nextTurn(task: () => void): void;
  /** Keeps the process alive until what it answers is called. */
  hold(): () => void;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

const ready = Promise.resolve();

export const nodeEventLoop: EventLoop = {
  // A run of turns throws nothing, so it needs none of the context that `queueMicrotask` makes for each task.
  soon: (task) => {
    ready.then(task);
  },
  nextTurn: (task) => {
    setImmediate(task);
  },
  hold: () => {
    const timer = setInterval(() => {}, LONGEST_TIMER_MS);
    return () => clearInterval(timer);
  },
};

/**
 * Keeps the process alive while somebody waits for a promise of ours: the clock's timers do not, and an answer may depend
 * on nothing else, as in a back-off. Most waits are over within the same turn of the loop and cost a counter.
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

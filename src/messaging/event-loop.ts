/** Where turns are run from. Replaced in simulations. */
export interface EventLoop {
  /** Runs `task` as soon as the running code is done, before timers and I/O. */
  soon(task: () => void): void;
  /** Runs `task` after timers and I/O have had their turn. */
  nextTurn(task: () => void): void;
}

export const nodeEventLoop: EventLoop = {
  soon: queueMicrotask,
  nextTurn: (task) => {
    setImmediate(task);
  },
};

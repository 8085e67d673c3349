/** Settles the promises of a turn. It is bundled only where there can be a promise. */
export interface EventLoop {
  /** Runs jobs and timers until the value is settled; answers what it is settled with. @throws what it is rejected with */
  settle(value: unknown): unknown;
  /** Whether a turn that answers no promise has left jobs, timers or rejections. */
  isBusy(): boolean;
}

let loop: EventLoop | undefined;
let atStart: (() => void)[] | undefined = [];

export function useEventLoop(given: EventLoop): void {
  loop = given;
}

/** Runs at once in a turn, else when the first one begins: while the component is made it has no imports. */
export function onceRunning(run: () => void): void {
  if (atStart === undefined) run();
  else atStart.push(run);
}

/** Runs a part of a turn to its end. What it answers may be a promise. @throws what it throws, or is rejected with */
export function inTurn(run: () => unknown): unknown {
  const waiting = atStart;
  atStart = undefined;
  if (waiting !== undefined) for (const each of waiting) each();
  const value = run();
  const waits = isThenable(value);
  if (loop !== undefined) return waits || loop.isBusy() ? loop.settle(value) : value;
  if (waits) throw new TypeError('this promise cannot be settled: nothing of the bundle makes promises');
  return value;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** Settles the promises of a turn. The bundle contains an event loop only if its source can make promises. */
export interface EventLoop {
  /** Runs jobs and timers until the value is settled. @returns the settled value. @throws the reason of a rejection */
  settle(value: unknown): unknown;
  /** Whether jobs, timers or unhandled rejections are left; asked after a turn that returned no promise. */
  isBusy(): boolean;
}

let loop: EventLoop | undefined;
let atStart: (() => void)[] | undefined = [];

export function useEventLoop(given: EventLoop): void {
  loop = given;
}

/** Runs the function at once if a turn has begun, else when the first turn begins, because no import works while the component is built. */
export function onceRunning(run: () => void): void {
  if (atStart === undefined) run();
  else atStart.push(run);
}

/** Runs a part of a turn to its end and settles a promise that it returns. @throws what `run` throws, or the reason of a rejection */
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

/** Stops a timer. Stopping a timer that has run or was stopped does nothing. */
export type StopTimer = () => void;

/** Time, injected so that tests and simulations can control it. */
export interface Clock {
  /** Wall-clock milliseconds since 1970, which may jump. */
  now(): number;
  /** Milliseconds that never go back, for durations. */
  monotonic(): number;
  /** Runs `task` once after `delayMs`. A timer that has not run yet does not keep the process alive. */
  after(delayMs: number, task: () => void): StopTimer;
}

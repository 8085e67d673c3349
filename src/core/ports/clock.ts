/** Stops a timer; stopping one that has run or was stopped does nothing. */
export type StopTimer = () => void;

/** Time, given from outside so that tests and simulations can own it. */
export interface Clock {
  /** Wall-clock milliseconds since 1970; may jump. */
  now(): number;
  /** Milliseconds that only go forward; for durations. */
  monotonic(): number;
  /** Runs `task` once after `delayMs`. A pending timer does not keep the process alive. */
  after(delayMs: number, task: () => void): StopTimer;
}

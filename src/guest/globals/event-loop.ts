import { useEventLoop } from '../turn.ts';
import { hasJobs, runJobs } from './jobs.ts';
import { asGuestPromise, GuestPromise, unhandled } from './promise-class.ts';
import { report } from './report.ts';

interface Timer {
  readonly id: number;
  readonly run: () => void;
  /** Milliseconds between two calls; undefined for a timer that fires once. */
  readonly every: number | undefined;
  due: number;
}

/** Events other than timers for which a turn can wait. */
export interface Arrivals {
  /** Returns the number of events for which the turn waits. */
  count(): number;
  /** Suspends the turn until an event arrives or `ms` milliseconds have passed. */
  wait(ms: number | undefined): void;
}

const timers = new Map<number, Timer>();
let lastId = 0;
let time = 0;
let sleep: ((ms: number) => void) | undefined;
let arrivals: Arrivals | undefined;

/** Sets the function that suspends the turn while it waits only for timers. */
export function useSleep(given: (ms: number) => void): void {
  sleep = given;
}

export function useArrivals(given: Arrivals): void {
  arrivals = given;
}

export function addTimer(run: () => void, delay: number, repeats: boolean): number {
  const ms = Math.max(1, Math.min(2 ** 31 - 1, Math.trunc(delay) || 0));
  lastId += 1;
  timers.set(lastId, { id: lastId, run, every: repeats ? ms : undefined, due: now() + ms });
  return lastId;
}

export function removeTimer(id: number): void {
  timers.delete(id);
}

/** The host rounds its clock, so the clock may show less time than the turn has slept. `time` includes the slept time. */
function now(): number {
  time = Math.max(time, Date.now());
  return time;
}

function next(): Timer | undefined {
  let first: Timer | undefined;
  for (const timer of timers.values()) if (first === undefined || timer.due < first.due) first = timer;
  return first;
}

/** Waits for the first timer or event and runs it. @returns false if there is nothing to wait for */
function proceed(): boolean {
  const timer = next();
  const ms = timer === undefined ? undefined : Math.max(0, timer.due - now());
  if (arrivals !== undefined && arrivals.count() > 0) {
    const before = arrivals.count();
    if (ms !== 0) arrivals.wait(ms);
    if (arrivals.count() < before || timer === undefined) return true;
  } else if (timer === undefined) return false;
  else if (ms !== 0) sleep?.(ms as number);
  time = Math.max(time, timer.due);
  if (timer.every === undefined) timers.delete(timer.id);
  else timer.due = time + timer.every;
  timer.run();
  return true;
}

function settle(value: unknown): unknown {
  const promise = asGuestPromise(value);
  for (;;) {
    runJobs();
    if (promise === undefined) return endTurn(value);
    const { state, value: settled } = GuestPromise.stateOf(promise);
    if (state === 'fulfilled') return endTurn(settled);
    if (state === 'rejected') {
      endTurn(undefined);
      throw settled;
    }
    if (!proceed()) {
      throw new Error('the promise is never settled: no timer and no request is left that could settle it');
    }
  }
}

/** Drops the timers that are left and reports unhandled rejections. A timer that outlived its turn would run in another message's turn. */
function endTurn(value: unknown): unknown {
  if (timers.size > 0) {
    const called = [...timers.values()].filter(({ every }) => every === undefined).length;
    timers.clear();
    if (called > 0) report('debug', `${called} timers were dropped: the turn ended before they were due`);
  }
  for (const promise of unhandled) {
    const { value: reason } = GuestPromise.stateOf(promise);
    report('error', `a promise was rejected, and nothing handled it: ${textOf(reason)}`);
  }
  return value;
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? `${reason.name}: ${reason.message}\n${reason.stack ?? ''}` : String(reason);
}

useEventLoop({ settle, isBusy: () => timers.size > 0 || unhandled.size > 0 || hasJobs() });

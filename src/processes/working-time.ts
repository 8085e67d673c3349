import { readdirSync, readFileSync } from 'node:fs';
import type { Clock, StopTimer } from '#core/ports/clock';

/** What a process has done so far. */
export interface Work {
  /** Processor time of all its threads, in milliseconds. */
  readonly ms: number;
  /** Whether one of its threads runs, or waits for a processor or a disk. */
  readonly isBusy: boolean;
}

/** Returns the work of a process; undefined if the process has ended or the system does not tell. */
export type WorkOf = (pid: number | undefined) => Work | undefined;

/** Clock ticks of the times in `/proc`: Linux gives programs 100 for each second on all machines. */
const MS_PER_TICK = 10;

/** The most that a busy process may take, as a multiple of the time that its work may take. */
const PATIENCE = 10;

/** Milliseconds between two looks at a process, at least. */
const LEAST_WAIT_MS = 50;

/**
 * Calls `onLate` once when a process has had `maxMs` for its work. On a busy machine a process that waits for a processor gets the time
 * that it lacks: it is late when it has had that much processor time, has nothing to do, or has taken ten times as long.
 * @returns a function that ends the watch
 */
export function afterWork(
  {
    pid,
    maxMs,
    clock,
    workOf,
  }: { pid: number | undefined; maxMs: number; clock: Pick<Clock, 'after'>; workOf: WorkOf },
  onLate: () => void,
): StopTimer {
  const before = workOf(pid)?.ms ?? 0;
  let passed = 0;
  let stopTimer: StopTimer;
  const wait = (ms: number): void => {
    stopTimer = clock.after(ms, () => {
      passed += ms;
      const work = workOf(pid);
      const missing = work?.isBusy ? maxMs - (work.ms - before) : 0;
      const left = maxMs * PATIENCE - passed;
      if (missing <= 0 || left <= 0) onLate();
      else wait(Math.min(Math.max(missing, LEAST_WAIT_MS), left));
    });
  };
  wait(maxMs);
  return () => stopTimer();
}

/** What Linux says in `/proc`; undefined on other systems. */
export const workInProc: WorkOf = (pid) => {
  if (pid === undefined || process.platform !== 'linux') return undefined;
  const folder = `/proc/${pid}`;
  const fields = statOf(folder);
  if (fields.length === 0) return undefined;
  const isBusy = tasksOf(folder).some((task) => {
    const [state] = statOf(`${folder}/task/${task}`);
    return state === 'R' || state === 'D';
  });
  return { ms: (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * MS_PER_TICK, isBusy };
};

const [USER_TIME, SYSTEM_TIME] = [11, 12];

/** The fields of `stat` behind the name of the program, which may hold any character; none if the process or thread has ended. */
function statOf(folder: string): string[] {
  try {
    const line = readFileSync(`${folder}/stat`, 'latin1');
    return line.slice(line.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** The threads of a process; none if it has ended. */
function tasksOf(folder: string): string[] {
  try {
    return readdirSync(`${folder}/task`);
  } catch {
    return [];
  }
}

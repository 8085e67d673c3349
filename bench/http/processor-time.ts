import { readFileSync } from 'node:fs';

/** Linux counts the processor time of processes in hundredths of a second for programs. */
const TICK_MS = 10;

/** The milliseconds of processor time that a process has used; undefined where the system has no `/proc` (Linux has it). */
export function processorMs(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name of the program may have spaces and parentheses; user and system time are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

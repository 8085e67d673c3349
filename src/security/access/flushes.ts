/** Flushes of the disk at a time in a process: names are looked up, and the host's own files read, by the same four threads. */
const MAX_OF_PROCESS = 2;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs a flush of the disk in its turn, off the thread. */
export async function flushed(flush: () => Promise<void>): Promise<void> {
  if (running >= MAX_OF_PROCESS) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    await flush();
  } finally {
    // Its place goes to the next in line, so that nobody who comes later takes it.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

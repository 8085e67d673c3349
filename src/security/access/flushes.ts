/**
 * The most flushes of the disk at a time in a process. The same four threads look up names and read the host's own
 * files.
 */
const MAX_OF_PROCESS = 2;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs a flush of the disk off the thread, when it is its turn in the queue. */
export async function flushed(flush: () => Promise<void>): Promise<void> {
  if (running >= MAX_OF_PROCESS) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    await flush();
  } finally {
    // Hand the place to the next in line, so that no later caller takes it.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

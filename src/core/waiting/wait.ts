/** The longest interval that Node keeps as it is. It never runs: it only keeps the process alive. */
const FOR_EVER_MS = 2 ** 30;

/** One interval keeps the process alive for all waits, because each timer of Node's costs memory and time. */
let alive: NodeJS.Timeout | undefined;
let waits = 0;

function keepAlive(): void {
  if (waits === 0) alive = setInterval(() => undefined, FOR_EVER_MS);
  waits += 1;
}

function letEnd(): void {
  waits -= 1;
  if (waits === 0) clearInterval(alive);
}

/** The timers of a `Clock`. */
interface Timers {
  after(delayMs: number, task: () => void): () => void;
}

/**
 * Waits by the clock, and keeps the process alive meanwhile, which timers of a `Clock` do not.
 * @throws the signal's reason as soon as it is aborted
 */
export function wait(clock: Timers, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    keepAlive();
    const end = (): void => {
      letEnd();
      stop();
      signal?.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      end();
      reject(signal?.reason);
    };
    const stop = clock.after(ms, () => {
      end();
      resolve();
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** The longest interval that Node keeps as it is. It never runs: it only keeps the process alive. */
const FOR_EVER_MS = 2 ** 30;

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
    const alive = setInterval(() => undefined, FOR_EVER_MS);
    const end = (): void => {
      clearInterval(alive);
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

import { keepAlive } from '#core/event-loop';

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
    const letEnd = keepAlive();
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

/**
 * Runs `task` again and again, `ms` milliseconds after it has returned. This does not keep the process alive.
 * @returns ends this; calling it again does nothing
 */
export function every(clock: Timers, ms: number, task: () => void): () => void {
  const again = (): void => {
    task();
    if (isOn) stop = clock.after(ms, again);
  };
  let isOn = true;
  let stop = clock.after(ms, again);
  return () => {
    isOn = false;
    stop();
  };
}

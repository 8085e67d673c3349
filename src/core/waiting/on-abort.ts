import { type Unsubscribe, Wakers } from './wakers.ts';

const listeners = new WeakMap<AbortSignal, Wakers>();

/**
 * Calls `task` when a signal is aborted, until it is unsubscribed; for signals that live long and have many listeners for short
 * times. The signal itself has one listener, since adding and removing one costs it a microsecond each.
 */
export function onAbort(signal: AbortSignal, task: () => void): Unsubscribe {
  let wakers = listeners.get(signal);
  if (wakers === undefined) {
    const all = new Wakers();
    wakers = all;
    listeners.set(signal, all);
    signal.addEventListener('abort', () => all.wake(), { once: true });
  }
  return wakers.add(task);
}

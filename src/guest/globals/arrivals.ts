import { subscribeDuration } from 'wasi:clocks/monotonic-clock@0.2.1';
import { type Pollable, poll } from 'wasi:io/poll@0.2.1';
import { useArrivals } from './event-loop.ts';
import type { AbortSignal } from './events.ts';

const waiting = new Map<Pollable, () => void>();

/** Resolves when the pollable is ready, and drops the pollable. Rejects with the signal's reason if that is aborted first. */
export function ready(pollable: Pollable, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      waiting.delete(pollable);
      signal?.removeEventListener('abort', onAbort);
      pollable[Symbol.dispose]();
      settle();
    };
    const onAbort = (): void => end(() => reject(signal?.reason));
    waiting.set(pollable, () => end(resolve));
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

useArrivals({
  count: () => waiting.size,
  wait(ms) {
    const pollables = [...waiting.keys()];
    const timer = ms === undefined ? undefined : subscribeDuration(Math.ceil(ms * 1e6));
    const readyOnes = poll(timer === undefined ? pollables : [...pollables, timer]);
    timer?.[Symbol.dispose]();
    for (const index of readyOnes) {
      const pollable = pollables[index];
      if (pollable !== undefined) waiting.get(pollable)?.();
    }
  },
});

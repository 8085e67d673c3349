import { keepAlive } from '#core/event-loop';

/** Resolves at the first SIGINT or SIGTERM, and keeps the process alive until then, which a listener to signals does not. */
export function interrupted(): { promise: Promise<void>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const letEnd = keepAlive();
  const onSignal = (): void => resolve();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, onSignal);
  return {
    promise,
    dispose() {
      letEnd();
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

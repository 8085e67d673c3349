/** Resolves at the first SIGINT or SIGTERM. A timer keeps the process alive until then, because a signal listener alone does not. */
export function interrupted(): { promise: Promise<void>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const hold = setInterval(() => {}, 2 ** 30);
  const onSignal = (): void => resolve();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, onSignal);
  return {
    promise,
    dispose() {
      clearInterval(hold);
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

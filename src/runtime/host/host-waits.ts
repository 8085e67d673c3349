const cancels = new WeakMap<object, () => void>();

/**
 * Marks what a host function answers that has to wait, as something that can be ended early.
 * @param cancel called at most once, where the guest cancels its call. Nobody takes the answer then.
 * @returns the promise itself
 */
export function cancellable<T>(promise: Promise<T>, cancel: () => void): Promise<T> {
  cancels.set(promise, cancel);
  return promise;
}

/** Ends what a host function does for a promise that it answered, if that can be ended. */
export function cancelPending(promise: object): void {
  const cancel = cancels.get(promise);
  cancels.delete(promise);
  cancel?.();
}

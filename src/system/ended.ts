import { RuntimeError } from '#runtime';

/** The error of a call whose signal was aborted. */
export function aborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError('RUNTIME_ABORTED', 'the call was aborted', { cause: signal.reason });
}

/** The error of a call to a runtime that was closed. */
export function closed(cause?: unknown): RuntimeError {
  return new RuntimeError('RUNTIME_CLOSED', 'the runtime is closed', { cause });
}

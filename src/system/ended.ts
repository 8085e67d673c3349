import { RuntimeError } from '#runtime';

/** Of a call whose signal was aborted. */
export function aborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError('RUNTIME_ABORTED', 'the call was aborted', { cause: signal.reason });
}

/** Of a call after the runtime's end. */
export function closed(cause?: unknown): RuntimeError {
  return new RuntimeError('RUNTIME_CLOSED', 'the runtime is closed', { cause });
}

import type { Turn } from '#core/ports/engine';

/**
 * Runs a turn. If it fails, now or later, calls `failed` before anybody else learns of the failure, because otherwise a waiting
 * message could be given to an instance that is gone.
 */
export function tellingFailure<T>(run: () => Turn<T>, failed: (error: unknown) => void): Turn<T> {
  const told = (error: unknown): never => {
    failed(error);
    throw error;
  };
  try {
    const turn = run();
    return turn instanceof Promise ? turn.catch(told) : turn;
  } catch (error) {
    return told(error);
  }
}

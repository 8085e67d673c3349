import type { Turn } from '#core/ports/engine';

/**
 * Runs a turn and tells of its failure, whether it fails now or later, before anybody else learns of it: no message that waits
 * may be given to an instance that is gone.
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

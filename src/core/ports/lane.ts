/**
 * Something that a thread has once and that belongs to the running turn, such as the fuel cell. Its owner says how to
 * save it when another turn takes the thread, and how to restore it when the first turn goes on.
 */
export interface Lane {
  /** Returns the value of the running turn, undefined where it has none, and resets the lane to its state between turns. */
  park(): unknown;
  /** Restores what `park` returned. Turns may go on in any order. */
  resume(parked: unknown): void;
  /** Whether each of the calls that run side by side in one turn has a value of its own. */
  readonly isOfCall?: boolean;
}

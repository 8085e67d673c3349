/**
 * Something that a thread has once and that belongs to the turn that runs, as the fuel cell does. Whoever keeps it says how
 * to put it aside when another turn takes the thread, and how to put it back when the first goes on.
 */
export interface Lane {
  /** Answers what belongs to the turn that runs, and leaves the lane as it is between turns. */
  park(): unknown;
  /** Takes back what `park` answered. Turns may go on in any order. */
  resume(parked: unknown): void;
}

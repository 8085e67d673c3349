/**
 * Counts what messaging has done. `offered` counts every attempt to send. Each message ends as exactly one of `refused`
 * (the sender got an error), `handled` (its turn ended) or `deadLettered`, or is still `inFlight`.
 */
export class MessageCounters {
  offered = 0;
  refused = 0;
  handled = 0;
  deadLettered = 0;
  /** Requests that were opened. Each ends as exactly one of the next four. */
  requests = 0;
  answered = 0;
  timedOut = 0;
  cancelled = 0;
  failed = 0;
  /** Answers to requests that had already ended. */
  lateReplies = 0;
  /** Correlation ids that a component named although none of its open requests had them. */
  forgedReplies = 0;

  get inFlight(): number {
    return this.offered - this.refused - this.handled - this.deadLettered;
  }

  get openRequests(): number {
    return this.requests - this.answered - this.timedOut - this.cancelled - this.failed;
  }
}

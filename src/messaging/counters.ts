/**
 * What messaging has done so far. `offered` is every message that anybody tried to send; each ends as exactly one of
 * `refused` (its sender was told), `handled` (its turn ended) or `deadLettered`, or is still `inFlight`.
 */
export class MessageCounters {
  offered = 0;
  refused = 0;
  handled = 0;
  deadLettered = 0;
  /** Requests that were opened; each ends as exactly one of the next four. */
  requests = 0;
  answered = 0;
  timedOut = 0;
  cancelled = 0;
  failed = 0;
  /** Answers to requests that had ended. */
  lateReplies = 0;
  /** Correlation ids named by somebody whose request it was not, or which never were. */
  forgedReplies = 0;

  get inFlight(): number {
    return this.offered - this.refused - this.handled - this.deadLettered;
  }

  get openRequests(): number {
    return this.requests - this.answered - this.timedOut - this.cancelled - this.failed;
  }
}

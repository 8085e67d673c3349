/*
 * The bytes that the host keeps at most, by V8's own count, for what the tasks of a guest need. A guest decides how many there are, so each
 * is charged to what the host may keep for its store. `npm run bench -- async` measures ten thousand calls that wait.
 */

/** A thread with its task, and the account and the answer of the call from outside that it may be of. */
export const THREAD_BYTES = 768;
/** A call that waits, and what its callee's promise refers to it by. */
export const SUBTASK_BYTES = 512;
export const WAITABLE_SET_BYTES = 128;
/** An end of a stream or future, its part of what both ends share, and the buffer of a copy. */
export const COPY_END_BYTES = 384;

/** Something that a guest has a handle for and that is no resource. */
export interface HeldByGuest {
  /** What the host keeps for it. */
  readonly hostBytes: number;
}

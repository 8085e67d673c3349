import type { LaterListener } from '#core/waiting';

/** The part of `TaskStore` that the owner of calls which run side by side uses. */
export interface SharedTasks {
  /** Whether no call from outside is under way. */
  readonly isIdle: boolean;
  /** Runs a job in the store's turn: in the one that runs, or in the next. */
  enqueue(job: () => void): void;
  /** Asks the task of a call to end early, in the store's turn. Where it has answered, the host reads no more of its answer. */
  cancel(call: OutsideCall): void;
  /** Ends the calls that are under way: what the host says ends the store. Called while nothing of the guest's is on the stack. */
  fail(thrown: unknown): void;
}

/** A call from outside that runs beside others. It is told how the function ends that it calls. */
export interface OutsideCall extends LaterListener {
  /** Runs the host's code that the call's guest has called, in the context in which the call was made. */
  inContext<T>(work: () => T): T;
}

/**
 * The owner of the calls from outside that the tasks of one store serve side by side. Each task belongs to one of them, and so does each
 * task that it begins. Where a store has no owner, it serves one call at a time, and the calls are undefined.
 */
export interface SideBySide {
  /** The call that begins now. */
  readonly beginning: OutsideCall | undefined;
  /** Told that call's answer when its task gives it, where its caller does not wait for the task to end. It is taken when the call begins. */
  told: ((answer: unknown) => Promise<unknown> | undefined) | undefined;
  /** The call for which guest code runs, or ran last; undefined between turns. */
  readonly charged: OutsideCall | undefined;
  /** Set by the store. */
  tasks: SharedTasks | undefined;
  /** What runs from now on is done for this call. */
  charge(call: OutsideCall): void;
  /** The call's task has answered. @throws what ends the store, because the call has cost more than its budget */
  answered(call: OutsideCall): void;
  /** No call is left, and control is back. Called in the turn. */
  idle(): void;
  /** The store has ended. @param call the one for which guest code ran when that happened; undefined where none did */
  failed(thrown: unknown, call: OutsideCall | undefined): void;
}

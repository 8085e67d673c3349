import type { TaskInstance } from './task.ts';
import { EVENT, Waitable } from './waitable.ts';

/** How far a call has come, by the numbers of the canonical ABI. */
export const SUBTASK = {
  starting: 0,
  started: 1,
  returned: 2,
  cancelledBeforeStarted: 3,
  cancelledBeforeReturned: 4,
} as const;

export type SubtaskState = (typeof SUBTASK)[keyof typeof SUBTASK];

/** A call of another component instance or of the host, as its caller sees it. */
export class Subtask extends Waitable {
  state: SubtaskState = SUBTASK.starting;
  /** Asks the callee to end early, as `TaskStore.requestCancel` does; undefined before the call has begun. */
  cancel: ((caller: TaskInstance, after: () => boolean) => boolean) | undefined;
  isCancelRequested = false;
  /** Whether the caller has been told that the call has ended, and its loans were given back. */
  isDelivered = false;
  /** Handles that the call has lent. */
  readonly lent: unknown[] = [];
  /** The core value that a synchronous caller is answered. */
  result: unknown = undefined;
  readonly #giveBack: (lent: readonly unknown[]) => void;

  constructor(giveBack: (lent: readonly unknown[]) => void) {
    super();
    this.#giveBack = giveBack;
  }

  get isResolved(): boolean {
    return this.state > SUBTASK.started;
  }

  /** Gives back what was lent, because the caller learns now that the call has ended. */
  deliver(): void {
    this.isDelivered = true;
    this.#giveBack(this.lent);
  }

  /** Tells the caller how far the call has come, under the handle that it has for it. */
  notify(handle: number): void {
    this.setEvent(() => {
      if (this.isResolved) this.deliver();
      return [EVENT.subtask, handle, this.state];
    });
  }
}

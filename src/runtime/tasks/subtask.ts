import { SUBTASK_BYTES } from './host-bytes.ts';
import type { TaskInstance } from './task.ts';
import { EVENT, type TaskEvent, Waitable } from './waitable.ts';

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
export abstract class Subtask extends Waitable {
  state: SubtaskState = SUBTASK.starting;
  /** The handle that its caller has for it; 0 where it has none. */
  handle = 0;
  /** What has passed between the call and its caller. `told`: the caller has been told its end, and its loans were given back. */
  dealings: 'none' | 'asked to end' | 'told' = 'none';

  get hostBytes(): number {
    return SUBTASK_BYTES;
  }

  get isResolved(): boolean {
    return this.state > SUBTASK.started;
  }

  /**
   * Asks the callee to end early, as `TaskStore.requestCancel` does.
   * @param after goes on with the caller, if control comes back later
   */
  abstract cancel(caller: TaskInstance, after: () => boolean): boolean;

  /** Gives back what was lent. */
  protected abstract giveBack(): void;

  /** The caller learns now that the call has ended. */
  deliver(): void {
    this.dealings = 'told';
    this.giveBack();
  }

  protected event(): TaskEvent {
    if (this.isResolved) this.deliver();
    return [EVENT.subtask, this.handle, this.state];
  }
}

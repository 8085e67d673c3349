import type { Linked } from '#core/queue';
import type { LaterListener } from '#core/waiting';
import type { KeptAnswer } from './kept-answer.ts';
import { Task } from './task.ts';

/** What a call from outside tells the store that runs its task. */
export interface MainCallOwner {
  /** Tells the call its answer, which may let the call go on after it. */
  answer(main: MainCall, value: unknown, isCancelled: boolean): void;
}

/** How a call has ended while `TaskStore.callFromOutside` has not returned. */
export interface EarlyEnd {
  readonly failure: { readonly thrown: unknown } | undefined;
}

/** A call from outside, by the embedder. A turn serves one, or several side by side. */
export abstract class MainCall extends Task implements Linked<MainCall> {
  before: MainCall | undefined = undefined;
  behind: MainCall | undefined = undefined;
  /** How much there is that must end before the call does, although it has answered. */
  holds = 0;
  /** What the host keeps of its answer, until it ends; made when the host first keeps something. */
  kept: KeptAnswer | undefined = undefined;
  /** How it has ended or, once `TaskStore.callFromOutside` has returned before that, who is told. */
  outcome: EarlyEnd | LaterListener | undefined = undefined;

  protected abstract readonly owner: MainCallOwner;
  /** Whether it lasts until its task has ended, and not only until that has answered. */
  abstract readonly untilEnd: boolean;

  protected resolved(value: unknown, isCancelled: boolean): void {
    this.owner.answer(this, value, isCancelled);
  }

  /** It has not ended at once: answers who is told its end, by `ended` or `failed`. */
  abstract later(): LaterListener;
  abstract answered(value: unknown, isCancelled: boolean): void;
  /** Its work is done, later. */
  abstract ended(): void;
  /** It was ended later, by what somebody threw. */
  abstract failed(thrown: unknown): void;
}

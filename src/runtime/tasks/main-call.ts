import type { KeptBytes } from '#core/limits';
import { Later } from '#core/waiting';
import type { Task, TaskCaller } from './task.ts';

/** What a call from outside tells the store that runs its task. */
export interface MainCallOwner {
  /** Tells the call its answer, which may let the call go on after it. */
  answer(main: MainCall, value: unknown, isCancelled: boolean): void;
}

/** How a call has ended while `TaskStore.callFromOutside` has not returned. */
export interface EarlyEnd {
  readonly failure: { readonly thrown: unknown } | undefined;
}

/**
 * A call from outside, by the embedder. A turn serves one, or several side by side. Ten thousand may wait in one store, so what its
 * caller waits for is the call itself.
 */
export abstract class MainCall extends Later<unknown> implements TaskCaller {
  #task: Task | undefined = undefined;
  isAnswered = false;
  /** How much there is that must end before the call does, although it has answered. */
  holds = 0;
  /** What the host keeps of its answer, until it ends; made when the host first keeps something. */
  kept: KeptBytes | undefined = undefined;
  /** How it has ended, if it has; `later` once `TaskStore.callFromOutside` has returned, so that the end is told by `ended` or `failed`. */
  outcome: EarlyEnd | 'later' | undefined = undefined;

  protected abstract readonly owner: MainCallOwner;
  /** Whether it lasts until its task has ended, and not only until that has answered. */
  abstract readonly untilEnd: boolean;

  get task(): Task {
    return this.#task as Task;
  }

  set task(task: Task) {
    this.#task = task;
  }

  resolved(value: unknown, isCancelled: boolean): void {
    this.owner.answer(this, value, isCancelled);
  }

  /** Its arguments. */
  abstract start(): readonly unknown[];
  abstract answered(value: unknown, isCancelled: boolean): void;
  /** Its work is done, later. */
  abstract ended(): void;
  /** It was ended later, by what somebody threw. */
  abstract failed(thrown: unknown): void;
}

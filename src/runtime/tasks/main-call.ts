import type { KeptBytes } from '#core/limits';
import type { Task, TaskCaller } from './task.ts';

/** What a call from outside tells the store that runs its task. */
export interface MainCallOwner {
  /** Tells the call its answer, which may let the call go on after it. */
  answer(main: MainCall, value: unknown, isCancelled: boolean): void;
}

/** A call from outside, by the embedder. A turn serves one, or several side by side. */
export abstract class MainCall implements TaskCaller {
  /** Whether it lasts until its task has ended, and not only until that has answered. */
  readonly untilEnd: boolean;
  readonly #owner: MainCallOwner;
  #task: Task | undefined = undefined;
  isAnswered = false;
  /** How much there is that must end before the call does, although it has answered. */
  holds = 0;
  /** What the host keeps of its answer, until it ends; made when the host first keeps something. */
  kept: KeptBytes | undefined = undefined;
  /** How it has ended, while `TaskStore.callFromOutside` has not returned. */
  outcome: { readonly failure: { readonly thrown: unknown } | undefined } | undefined = undefined;
  /** Whether that has returned, so that the end is told by `ended` or `failed`. */
  isLate = false;

  constructor(owner: MainCallOwner, untilEnd: boolean) {
    this.#owner = owner;
    this.untilEnd = untilEnd;
  }

  get task(): Task {
    return this.#task as Task;
  }

  set task(task: Task) {
    this.#task = task;
  }

  resolved(value: unknown, isCancelled: boolean): void {
    this.#owner.answer(this, value, isCancelled);
  }

  /** Its arguments. */
  abstract start(): readonly unknown[];
  abstract answered(value: unknown, isCancelled: boolean): void;
  /** Its work is done, later. */
  abstract ended(): void;
  /** It was ended later, by what somebody threw. */
  abstract failed(thrown: unknown): void;
}

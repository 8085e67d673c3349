import type { TaskInstance, Thread } from './task.ts';

/** Goes on when control comes back later. Answers whether control is then still here. */
export type After = () => boolean;

/** A thread was given control, until it is back. */
export abstract class Frame {
  /** The thread that had control before. */
  previous: Thread | undefined = undefined;

  /** Called when control is back. */
  abstract leave(): void;

  /** Goes on behind it, if control comes back later. Answers whether control is then still here. */
  abstract goOn(): boolean;
}

/** The frame of a thread that went on in an instance, which it leaves with control. */
export class ResumedFrame extends Frame {
  readonly #instance: TaskInstance | undefined;
  readonly #caller: TaskInstance | undefined;
  readonly #after: After;

  /** @param instance what was entered from `caller`; undefined where nothing was */
  constructor(instance: TaskInstance | undefined, caller: TaskInstance | undefined, after: After) {
    super();
    this.#instance = instance;
    this.#caller = caller;
    this.#after = after;
  }

  leave(): void {
    this.#instance?.leave(this.#caller);
  }

  goOn(): boolean {
    return this.#after();
  }
}

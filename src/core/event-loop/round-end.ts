/** What is to be done when the event loop has read what has come. It must not throw. */
export interface AtRoundEnd {
  atRoundEnd(): void;
}

/**
 * What a round of the event loop leaves to its end, so that it is done together. An answer is such a thing: each write to a client that
 * sleeps wakes it, which costs the server more than a small request, and a client that the first of many answers has woken finds the
 * others without being woken again. Whoever is about to give the thread away for long has it done before.
 */
export class RoundEnd {
  readonly #nextTurn: (task: () => void) => void;
  #left: AtRoundEnd[] = [];
  #isPlanned = false;

  /** @param nextTurn runs a task after the event loop has read what has come; a test replaces it */
  constructor(nextTurn: (task: () => void) => void = setImmediate) {
    this.#nextTurn = nextTurn;
  }

  /** Leaves something to the end of this round. */
  add(task: AtRoundEnd): void {
    this.#left.push(task);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#nextTurn(this.#onNextTurn);
  }

  /** Does now what was left to the end, in the order in which it was left. */
  run(): void {
    if (this.#left.length === 0) return;
    const tasks = this.#left;
    this.#left = [];
    for (const task of tasks) task.atRoundEnd();
  }

  readonly #onNextTurn = (): void => {
    this.#isPlanned = false;
    this.run();
  };
}

/** The end of the rounds of this thread's event loop. */
export const roundEnd = new RoundEnd();

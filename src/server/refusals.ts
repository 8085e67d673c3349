import { RingBuffer } from '#core/queue';

/**
 * The refusals that go out before the event loop reads what has come. A client that has been refused asks again at once, so that this is
 * also how many such requests are read in one turn of the loop, however many clients there are.
 */
const MOST_IN_TURN = 16;
/** The refusals that wait; one more goes out at once, because each keeps what it refuses. */
const MOST_WAITING = 4_096;

/** Sends refusals a few at a time, after what the event loop has to do for requests that were admitted. */
export class Refusals<T> {
  readonly #send: (refused: T) => void;
  readonly #nextTurn: (task: () => void) => void;
  readonly #waiting = new RingBuffer<T>();
  #isPlanned = false;

  /** @param nextTurn runs a task after the event loop has read what has come; a test replaces it */
  constructor(send: (refused: T) => void, nextTurn: (task: () => void) => void = setImmediate) {
    this.#send = send;
    this.#nextTurn = nextTurn;
  }

  /** Sends a refusal in its turn. */
  add(refused: T): void {
    if (this.#waiting.size >= MOST_WAITING) {
      this.#send(refused);
      return;
    }
    this.#waiting.push(refused);
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#nextTurn(this.#sendSome);
  }

  readonly #sendSome = (): void => {
    this.#isPlanned = false;
    const some: T[] = [];
    while (this.#waiting.size > 0 && some.length < MOST_IN_TURN) some.push(this.#waiting.shift() as T);
    if (this.#waiting.size > 0) this.#plan();
    for (const each of some) this.#send(each);
  };
}

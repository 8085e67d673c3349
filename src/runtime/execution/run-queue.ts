import type { Turn } from './turn.ts';

/**
 * The most slices that a turn can be in debt by. A host function may have worked for it for long in one slice, or the
 * machine may have stood still, and neither should stop the turn for long. What is beyond is an unfair gain.
 */
const MOST_OWED = 16;

/**
 * The turns that have used up their slice, served round robin. In each round a turn gets as many slices as its weight says;
 * a rest of less than one slice is kept for the next round. A turn that has had the thread for longer than its slice owes
 * the difference, and passes over a round once it owes enough.
 */
export class RunQueue {
  readonly #waiting: Turn[] = [];
  #first = 0;
  /** A turn that may have one more slice in this round. */
  #again: Turn | undefined;

  get isEmpty(): boolean {
    return this.#again === undefined && this.#first === this.#waiting.length;
  }

  /** @param overrun how much longer than its slice the turn had the thread, in slices */
  add(turn: Turn, overrun: number): void {
    turn.credit = Math.max(-MOST_OWED, turn.credit - overrun);
    if (turn.credit >= 1 && this.#again === undefined) this.#again = turn;
    else this.#waiting.push(turn);
  }

  /** The turn that goes on next; undefined where none waits for the thread. */
  shift(): Turn | undefined {
    const again = this.#again;
    this.#again = undefined;
    if (again?.proceed !== undefined) {
      again.credit -= 1;
      return again;
    }
    for (;;) {
      const turn = this.#shiftWaiting();
      if (turn === undefined) return undefined;
      // A turn that was ended while it was in the queue has gone on already.
      if (turn.proceed === undefined) continue;
      turn.credit += turn.weight;
      if (turn.credit >= 1) {
        turn.credit -= 1;
        return turn;
      }
      if (this.isEmpty) {
        turn.credit = 0;
        return turn;
      }
      this.#waiting.push(turn);
    }
  }

  #shiftWaiting(): Turn | undefined {
    const turn = this.#waiting[this.#first];
    if (turn === undefined) return undefined;
    this.#first += 1;
    if (this.#first === this.#waiting.length || this.#first > 1_024) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
    return turn;
  }
}

import type { Lane } from '#core';
import type { Turn } from './turn.ts';

/**
 * Owns the thread: which turn runs, and what belongs to it. A turn is entered and left, and between the two it may be
 * parked and resumed, in any order with others. Whatever the thread has only once is a lane, and all lanes switch together.
 *
 * A turn that is entered while no other runs switches nothing, because each lane is empty then. This is how messages are
 * handled, so `enter` and `leave` do no more than a check there.
 */
export class Execution {
  #running: Turn | undefined = undefined;
  readonly #lanes: Lane[] = [];

  /** The turn whose code has the thread. @throws {Error} outside of one: no code of a guest may run there */
  get running(): Turn {
    if (this.#running === undefined) throw new Error('a host function was called outside a turn');
    return this.#running;
  }

  /** Adds what must switch with the turns. A lane that has joined already is ignored. */
  join(lane: Lane): void {
    if (!this.#lanes.includes(lane)) this.#lanes.push(lane);
  }

  /** Begins a turn; the one that runs is put aside until it ends. */
  enter(turn: Turn): void {
    if (this.#running !== undefined) this.#cover(turn);
    this.#running = turn;
  }

  /** Ends a turn, whether it runs, is parked, or was covered by others that have not ended. */
  leave(turn: Turn): void {
    if (this.#running === turn && turn.outer === undefined) this.#running = undefined;
    else this.#leaveOthers(turn);
    turn.resumed = false;
  }

  /** Takes the thread from the turn that runs. @throws {Error} when it is another one */
  park(turn: Turn): void {
    if (this.#running !== turn) throw new Error('only the turn that runs can be parked');
    turn.parked = this.#lanes.map((lane) => lane.park());
    this.#uncover(turn);
  }

  /** Gives the thread to a parked turn. @throws {Error} when it is not parked */
  resume(turn: Turn): void {
    const { parked } = turn;
    if (parked === undefined) throw new Error('only a parked turn can be resumed');
    if (this.#running !== undefined) this.#cover(turn);
    turn.resumed = true;
    this.#running = turn;
    this.#restore(turn);
  }

  #cover(turn: Turn): void {
    const outer = this.#running as Turn;
    outer.parked = this.#lanes.map((lane) => lane.park());
    turn.outer = outer;
  }

  /** Gives the thread back to the turn below `turn`, if there is one. */
  #uncover(turn: Turn): void {
    const { outer } = turn;
    turn.outer = undefined;
    this.#running = outer;
    if (outer !== undefined) this.#restore(outer);
  }

  #restore(turn: Turn): void {
    const { parked = [] } = turn;
    turn.parked = undefined;
    for (const [index, lane] of this.#lanes.entries()) lane.resume(parked[index]);
  }

  #leaveOthers(turn: Turn): void {
    let above: Turn | undefined;
    let at = this.#running;
    let abandoned = true;
    while (at !== turn && at !== undefined) {
      abandoned &&= !at.resumed;
      above = at;
      at = at.outer;
    }
    if (at === undefined) turn.parked = undefined;
    else if (above === undefined) this.#uncover(turn);
    // The stack overflowed before the calls inside this turn could end: they end with it.
    else if (abandoned) this.#abandon(turn);
    // The code of this turn has ended, and others were resumed before the host noticed it.
    else this.#unlink(turn, above);
  }

  #abandon(turn: Turn): void {
    for (let at = this.#running; at !== turn && at !== undefined; ) {
      const { outer } = at;
      at.outer = undefined;
      at = outer;
    }
    for (const lane of this.#lanes) lane.park();
    turn.parked = undefined;
    this.#uncover(turn);
  }

  #unlink(turn: Turn, above: Turn): void {
    above.outer = turn.outer;
    turn.outer = undefined;
    turn.parked = undefined;
  }
}

/** The thread's. Fuel cell, exchange and messages are the thread's too, whichever runtime a turn belongs to. */
export const execution: Execution = new Execution();

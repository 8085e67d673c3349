import type { Lane } from '#core/ports/lane';
import type { Turn } from './turn.ts';

/** What the lanes hold of one call, by their numbers; undefined where they hold nothing. */
export type ParkedCall = readonly unknown[] | undefined;

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

  /** The turn whose code has the thread. @throws {Error} outside of a turn, where no guest code may run */
  get running(): Turn {
    if (this.#running === undefined) throw new Error('a host function was called outside a turn');
    return this.#running;
  }

  /** The turn whose code has the thread; undefined outside of a turn. */
  get current(): Turn | undefined {
    return this.#running;
  }

  /** Adds what must switch with the turns. A lane that has joined already is ignored. */
  join(lane: Lane): void {
    if (!this.#lanes.includes(lane)) this.#lanes.push(lane);
  }

  /** Takes from the turn that runs what the lanes hold of the call for which it runs. Most calls have nothing there, for which nothing is made. */
  parkCall(): ParkedCall {
    let parked: unknown[] | undefined;
    for (let index = 0; index < this.#lanes.length; index++) {
      const lane = this.#lanes[index] as Lane;
      const value = lane.isOfCall === true ? lane.park() : undefined;
      if (value === undefined) continue;
      parked ??= [];
      parked[index] = value;
    }
    return parked;
  }

  /** Gives the turn that runs what `parkCall` has taken. */
  resumeCall(parked: ParkedCall): void {
    for (let index = 0; index < this.#lanes.length; index++) {
      const lane = this.#lanes[index] as Lane;
      if (lane.isOfCall === true) lane.resume(parked?.[index]);
    }
  }

  /** Begins a turn. It covers the turn that runs, if one does, until it ends. */
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

  /** Takes the thread from the turn that runs. @throws {Error} when another turn runs */
  park(turn: Turn): void {
    this.putAside(turn);
    this.#uncover(turn);
  }

  /**
   * The first half of parking, for a host function that the turn's guest has called. The guest still runs, with every lane
   * empty, until it suspends itself and `release` gives the thread to the turn below. @throws {Error} as `park`
   */
  putAside(turn: Turn): void {
    if (this.#running !== turn) throw new Error('only the turn that runs can be parked');
    this.#park(turn);
  }

  /** The second half of parking: gives the thread to the turn below. */
  release(turn: Turn): void {
    this.#uncover(turn);
  }

  /** Undoes `putAside`: the turn keeps the thread, for another of its stacks. */
  takeBack(turn: Turn): void {
    this.#restore(turn);
  }

  /** Whether this turn's code has the thread, or was the last to have it and has ended since. */
  isRunning(turn: Turn): boolean {
    return this.#running === turn;
  }

  /**
   * Gives the thread to a turn whose stack has ended, so that its answer can be read. The turn may still count as the one
   * that runs, because the host is not told when a suspended stack ends; other turns may have been resumed above it; or it
   * is parked.
   */
  reclaim(turn: Turn): void {
    if (this.#running === turn) return;
    this.#takeOut(turn);
    this.resume(turn);
  }

  /** Gives the thread to a parked turn. @throws {Error} when it is not parked */
  resume(turn: Turn): void {
    if (!turn.isParked) throw new Error('only a parked turn can be resumed');
    if (this.#running !== undefined) this.#cover(turn);
    turn.resumed = true;
    this.#running = turn;
    this.#restore(turn);
  }

  #cover(turn: Turn): void {
    const outer = this.#running as Turn;
    this.#park(outer);
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
    const { parked } = turn;
    // These loops use an index, because an iterator for each suspension would cost more than the lanes themselves.
    for (let index = 0; index < this.#lanes.length; index++) this.#lanes[index]?.resume(parked[index]);
    turn.forgetParked();
  }

  #park(turn: Turn): void {
    turn.isParked = true;
    for (let index = 0; index < this.#lanes.length; index++) turn.parked[index] = this.#lanes[index]?.park();
  }

  #leaveOthers(turn: Turn): void {
    let above = false;
    let at = this.#running;
    let abandoned = true;
    while (at !== turn && at !== undefined) {
      abandoned &&= !at.resumed;
      above = true;
      at = at.outer;
    }
    if (at === undefined) turn.forgetParked();
    else if (!above) this.#uncover(turn);
    // The stack overflowed before the turns inside this turn could end, so they end with it.
    else if (abandoned) this.#abandon(turn);
    // The code of this turn has ended, and other turns were resumed before the host noticed it.
    else {
      this.#takeOut(turn);
      turn.forgetParked();
    }
  }

  /** Takes a turn out from below other turns. The turn below it becomes the outer turn of the one above it. */
  #takeOut(turn: Turn): void {
    let above = this.#running;
    while (above !== undefined && above.outer !== turn) above = above.outer;
    if (above === undefined) return;
    above.outer = turn.outer;
    turn.outer = undefined;
  }

  #abandon(turn: Turn): void {
    for (let at = this.#running; at !== turn && at !== undefined; ) {
      const { outer } = at;
      at.outer = undefined;
      at = outer;
    }
    for (const lane of this.#lanes) lane.park();
    turn.forgetParked();
    this.#uncover(turn);
  }
}

/** The execution of this thread. All runtimes share it, because the fuel cell, the exchange and the messages belong to the thread too. */
export const execution: Execution = new Execution();

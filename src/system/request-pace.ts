import { performance as nodePerformance } from 'node:perf_hooks';
import { roundEnd } from '#core/event-loop';
import type { Clock } from '#core/ports/clock';
import { Chain, type Linked } from '#core/queue';

/**
 * Milliseconds in which requests begin before the event loop reads what has come. A request whose component has begun none meanwhile
 * waits about as long, so this is far below what answering takes over a network. Requests that came together and begin in several
 * rounds are answered apart, which costs their clients and the server more wakes: so a round has room for some tens of small ones.
 */
const ROUND_MS = 1;
/** The most that begin in a round, so that requests which take no time that a clock could tell leave the event loop its turns. */
const MOST_IN_ROUND = 64;

/** What the pace needs of the event loop. Simulations replace it. */
export interface PaceLoop {
  /** How often the loop has looked for what has come. */
  turns(): number;
  /** Runs `task` when the running code has ended, and all that it has set off without waiting. */
  afterThis(task: () => void): void;
  /** Runs `task` after the event loop has read what has come. */
  nextTurn(task: () => void): void;
}

const ready = Promise.resolve();

const nodeLoop: PaceLoop = {
  turns: () => nodePerformance.nodeTiming.uvMetricsInfo.loopCount,
  // Node runs ticks before promises, but a tick that a promise asks for after all of them.
  afterThis: (task) => void ready.then(() => process.nextTick(task)),
  nextTurn: (task) => void setImmediate(task),
};

/** A component whose requests begin at a pace. */
export interface Paced extends Linked<Paced> {
  /** The last round in which one of its requests has begun as it came. Only the pace uses this. */
  round: number;
  /** Whether a request waits that has a place. */
  readonly mayBegin: boolean;
  /** Begins the request that waits first. */
  begin(): void;
}

/**
 * Divides the event loop among the components of a runtime. Requests begin in rounds of a bounded time, those of several components in
 * turn, and between two rounds the loop reads what has come. So a request of a component that was sent no other is read soon, however
 * many wait for others, and begins as soon as it is read. While nothing has to wait, the loop is asked for nothing, because a turn of its
 * own for each round would cost as much as a quarter of a small request.
 */
export class RequestPace {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #loop: PaceLoop;
  /** The components whose requests wait for a round, in the order in which one of each begins. */
  readonly #waiting = new Chain<Paced>();
  /** The number of the round; that of a component is 0 before its first one. */
  #round = 1;
  #isPlanned = false;
  #isStepping = false;
  /** The turn of the loop whose reading the round includes. */
  #turn = -1;
  #ends = Number.NEGATIVE_INFINITY;
  /** How many may still begin in this round. */
  #left = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, loop: PaceLoop = nodeLoop) {
    this.#clock = clock;
    this.#loop = loop;
  }

  /**
   * Whether a request that has come may begin at once: while the round has time, and the first of a component's in any case. Otherwise
   * it calls `wait`.
   */
  begins(component: Paced): boolean {
    if (!this.#hasTime() && component.round === this.#round) return false;
    component.round = this.#round;
    this.#left -= 1;
    return true;
  }

  /** Begins what waits at a component, in its turn. */
  wait(component: Paced): void {
    if (this.#waiting.has(component)) return;
    this.#waiting.add(component);
    if (this.#hasTime()) this.#step();
    this.#plan();
  }

  /**
   * Whether the round has time. Another one begins first where the loop has read what has come since, even if the round had time left: what
   * a component began before that reading must not count against what was read now.
   */
  #hasTime(): boolean {
    // While something waits, the next round is planned.
    if (!this.#isPlanned) {
      const turn = this.#loop.turns();
      if (turn > this.#turn) this.#beginRound(turn);
    }
    return this.#isInTime();
  }

  #isInTime(): boolean {
    return this.#left > 0 && this.#clock.monotonic() < this.#ends;
  }

  #beginRound(turn: number): void {
    this.#round += 1;
    this.#turn = turn;
    this.#left = MOST_IN_ROUND;
    this.#ends = this.#clock.monotonic() + ROUND_MS;
  }

  /** Has the next round begin where something waits. */
  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#loop.nextTurn(this.#onNextTurn);
  }

  readonly #onNextTurn = (): void => {
    this.#isPlanned = false;
    roundEnd.run();
    // What has come is read behind this, and then the loop's next turn has begun.
    this.#beginRound(this.#loop.turns() + 1);
    this.#beginNext();
  };

  /** Begins one request when all that runs has ended, so that the time of each is known before the next one begins. */
  #step(): void {
    if (this.#isStepping) return;
    this.#isStepping = true;
    this.#loop.afterThis(this.#onStep);
  }

  readonly #onStep = (): void => {
    this.#isStepping = false;
    if (this.#isInTime()) this.#beginNext();
  };

  #beginNext(): void {
    for (let component = this.#waiting.first; component !== undefined; component = this.#waiting.first) {
      this.#waiting.delete(component);
      if (!component.mayBegin) continue;
      this.#left -= 1;
      component.begin();
      if (component.mayBegin && !this.#waiting.has(component)) this.#waiting.add(component);
      break;
    }
    if (this.#waiting.size === 0) return;
    this.#plan();
    this.#step();
  }
}

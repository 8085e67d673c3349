import type { Clock } from '#core/ports/clock';
import { RingBuffer } from '#core/queue';
import { type AsyncContext, currentContext } from '#core/waiting';
import type { ActorCell } from './actor-cell.ts';
import type { EventLoop } from './event-loop.ts';

/** The actors that have something to do, in the order in which they are served. A simulation shuffles it. */
export interface RunQueue {
  readonly size: number;
  push(cell: ActorCell): void;
  shift(): ActorCell | undefined;
}

export interface DispatcherOptions {
  /** Milliseconds of turns, and of what they set off, before timers and I/O get the event loop; 10 by default. */
  readonly shareMs?: number | undefined;
  /** Milliseconds after which an actor goes to the end of the queue; 1 by default. */
  readonly sliceMs?: number | undefined;
  /** Messages after which an actor goes to the end of the queue; 64 by default. */
  readonly sliceMessages?: number | undefined;
}

/**
 * Runs one turn of an actor, given the reading of the monotonic clock and the context of the running code. Returns the
 * clock's reading at the end of the turn.
 */
export type RunTurn = (cell: ActorCell, now: number, ambient: AsyncContext) => number;

/**
 * Gives actors their turns, round robin. Work begins in a microtask, so that a request to an idle actor needs no
 * iteration of the event loop. After a share of time the rest waits until timers and I/O have run, even when it is the
 * embedder's own loop of `await` that keeps sending.
 */
export class Dispatcher {
  readonly #clock: Clock;
  readonly #loop: EventLoop;
  readonly #queue: RunQueue;
  readonly #runTurn: RunTurn;
  readonly #shareMs: number;
  readonly #sliceMs: number;
  readonly #sliceMessages: number;
  /** A run was requested, by `soon` or by `nextTurn`. */
  #armed = false;
  /** `#onNextTurn` was requested, and the event loop has not come round since the share began. */
  #turning = false;
  #shareBegan = 0;
  #shareUsedUp = false;
  /**
   * The contexts of the code that requested the run and of the run that requested the next one. The event loop calls
   * back in them.
   */
  #soonContext: AsyncContext;
  #nextTurnContext: AsyncContext;
  readonly #onSoon = (): void => {
    if (this.#armed) this.#run(this.#soonContext);
  };
  readonly #onNextTurn = (): void => {
    this.#turning = false;
    this.#shareUsedUp = false;
    if (this.#armed) this.#run(this.#nextTurnContext);
  };

  constructor(
    clock: Clock,
    loop: EventLoop,
    runTurn: RunTurn,
    options: DispatcherOptions = {},
    queue: RunQueue = new RingBuffer<ActorCell>(),
  ) {
    this.#clock = clock;
    this.#loop = loop;
    this.#runTurn = runTurn;
    this.#queue = queue;
    this.#shareMs = options.shareMs ?? 10;
    this.#sliceMs = options.sliceMs ?? 1;
    this.#sliceMessages = options.sliceMessages ?? 64;
  }

  /** Queues the actor if it has work and is not in the queue yet. */
  ready(cell: ActorCell): void {
    if (this.#queueUp(cell)) this.#arm(currentContext());
  }

  /** Does the same when the context of the running code is known. */
  readyIn(cell: ActorCell, context: AsyncContext): void {
    if (this.#queueUp(cell)) this.#arm(context);
  }

  /** Queues the actor. Returns whether a run must be requested. */
  #queueUp(cell: ActorCell): boolean {
    if (cell.queued || !cell.isRunnable) return false;
    cell.queued = true;
    this.#queue.push(cell);
    return !this.#armed;
  }

  #arm(context: AsyncContext): void {
    this.#armed = true;
    // The share is used up: the run waits for `#onNextTurn`, which was requested.
    if (this.#shareUsedUp) return;
    this.#soonContext = context;
    this.#loop.soon(this.#onSoon);
  }

  #run(context: AsyncContext): void {
    let now = this.#clock.monotonic();
    if (!this.#turning) {
      this.#turning = true;
      this.#shareBegan = now;
      this.#nextTurnContext = context;
      this.#loop.nextTurn(this.#onNextTurn);
    }
    const shareEnds = this.#shareBegan + this.#shareMs;
    while (now < shareEnds) {
      const cell = this.#queue.shift();
      if (cell === undefined) {
        this.#armed = false;
        return;
      }
      const sliceEnds = Math.min(now + this.#sliceMs, shareEnds);
      for (let turns = 0; turns < this.#sliceMessages && now < sliceEnds && cell.isRunnable; turns++) {
        now = this.#runTurn(cell, now, context);
      }
      cell.queued = false;
      if (cell.isRunnable) {
        cell.queued = true;
        this.#queue.push(cell);
      }
    }
    this.#shareUsedUp = true;
    if (this.#queue.size === 0) this.#armed = false;
  }
}

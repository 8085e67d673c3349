import type { Scheduler, Tank } from '#core/ports/meter';
import { Later } from '#core/waiting';
import { Continuation } from '#runtime/host';
import { RuntimeError } from '../errors.ts';
import type { Execution } from './execution.ts';
import { type GuestEntry, type LiftedSteps, NestedCall } from './guest-entry.ts';
import { MAY_NEST_CALLS, suspending } from './jspi.ts';
import { RunQueue } from './run-queue.ts';
import { Tokens } from './tokens.ts';
import type { Turn } from './turn.ts';

export interface TurnSchedulerOptions {
  readonly execution: Execution;
  /** Milliseconds for which a preemptive turn has the thread before others do. */
  readonly sliceMs: number;
  /** Turns that may wait for the host at a time; 0 where none may. */
  readonly maxWaitingTurns: number;
  /** Stacks of threads, and of calls between components, that may be suspended at a time. */
  readonly maxStacks: number;
  /** The monotonic clock. */
  readonly now: () => number;
  /** The same clock when the call of a tank last gave the thread away or got it; a reading that the meter has made will do. */
  readonly switchedAt?: (tank: Tank) => number;
  /** Runs a task once, after the event loop has handled timers and I/O. */
  readonly soon: (task: () => void) => void;
}

/** A stack of a turn that has several, and that only the turn itself lets go on. */
export abstract class TurnStack {
  readonly turn: Turn;
  /** Lets the stack go on, once it is suspended. Call it while the turn is parked. */
  proceed: (() => void) | undefined = undefined;
  /** Whether its store has ended, so that it only has to trap: V8 keeps all that a suspended stack refers to for ever. */
  isOver = false;

  constructor(turn: Turn) {
    this.turn = turn;
  }

  /** Called when the stack is suspended. The turn still has the thread. */
  abstract suspended(): void;
}

/**
 * What the stack of a parked turn waits for: a host's promise, a call of another component instance, other stacks of the turn, or
 * its next slice.
 */
type Awaited = PromiseLike<unknown> | Later<unknown> | NestedCall | TurnStack | undefined;

/** A round of the event loop that takes less, in milliseconds, has found nothing to do. */
const IDLE_MS = 0.05;

/** How long the slices of turns are shorter, in milliseconds, once the event loop has had work, and how many of them make a whole one. */
const BESIDE_WORK = { ms: 100, parts: 4 } as const;

/** The most slices for which the event loop has the thread after one: a host function may have worked for long in it. */
const MOST_PAUSED = 4;

/** The most stacks of one turn that may wait for each other. V8 fails with errors of its own some thousands deeper. */
const MAX_DEPTH = 100;

/**
 * Suspends the stacks of turns and lets them go on. A turn that waits for the host goes on when the host's promise is
 * settled. Turns that have used up their slice go on one after the other, with a round of the event loop before each.
 */
export class TurnScheduler implements Scheduler {
  /** Whether it suspends stacks at all. */
  readonly suspends = true;
  /** Whether code on a stack may call any number of times code on stacks of their own. */
  readonly mayNest: boolean = MAY_NEST_CALLS;
  readonly suspend: WebAssembly.ImportValue;
  readonly #options: TurnSchedulerOptions;
  readonly #switchedAt: (tank: Tank) => number;
  readonly #ready = new RunQueue();
  readonly #tokens = new Tokens<Turn | TurnStack>();
  /** The turn that was parked last, until it suspends its stack, which is the next thing that its guest does. */
  #parked: Turn | undefined;
  #awaited: Awaited;
  /** Whether suspending the stack gives the thread to the turn below, because no other stack of the turn has done so yet. */
  #releases = true;
  #isScheduled = false;
  /** When the last slice ended and how long it was, and when the event loop came round last. */
  #sliceEnded = 0;
  #sliceTook = 0;
  #cameRound = 0;
  /** When the event loop had other work last. */
  #workedAt = Number.NEGATIVE_INFINITY;
  readonly #onRound = (): void => this.#comeRound();
  #waiting = 0;
  /** The stacks that are suspended, without those on which turns began. */
  #stacks = 0;

  constructor(options: TurnSchedulerOptions) {
    this.#options = options;
    this.#switchedAt = options.switchedAt ?? options.now;
    this.suspend = suspending(() => this.#suspend());
  }

  /** How many turns wait for the host. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Parks the turn that runs until a promise of the host is settled. The import that calls this may answer any value: the
   * guest suspends itself after the import and calls it again, and then `turn.take()` has the answer.
   * @throws `RUNTIME_WOULD_BLOCK` where the turn cannot wait, or why it was ended; the outcome of the promise is then ignored
   */
  wait(turn: Turn, promise: PromiseLike<unknown>, name: string): void {
    this.#beginWaiting(turn, promise, name, turn.mayWait);
    this.#options.execution.putAside(turn);
    turn.waits = this.#switchedAt(turn.tank);
    this.#suspendNext(turn, promise);
  }

  /**
   * Waits for a promise on behalf of a turn that has no guest on its stack, because its export is a function of the host's.
   * Then `turn.take()` has the answer, unless the turn was ended.
   * @throws as `wait`
   */
  async waitOutside(turn: Turn, promise: PromiseLike<unknown>, name: string): Promise<void> {
    this.#beginWaiting(turn, promise, name, true);
    turn.waits = this.#options.now();
    turn.suspended?.();
    const proceeding = proceedsLater(turn);
    turn.goOnAfter(promise);
    await proceeding;
    this.wentOn(turn);
  }

  /**
   * Lets a turn wait that has no guest on its stack, until `turn.goOn`. Whoever then gives the turn the thread tells so by `wentOn`.
   * @param proceed called by `turn.goOn`, and when the turn is ended
   * @throws as `wait`
   */
  waitUntilTold(turn: Turn, name: string, proceed: () => void): void {
    this.#beginWaiting(turn, undefined, name, true);
    turn.waits = this.#options.now();
    turn.suspended?.();
    turn.proceed = proceed;
  }

  /** A turn that had no guest on its stack waits no longer. */
  wentOn(turn: Turn): void {
    turn.suspension = undefined;
    this.#waiting -= 1;
    turn.began = this.#options.now();
    turn.waitedMs += turn.began - turn.waits;
  }

  #beginWaiting(turn: Turn, promise: PromiseLike<unknown> | undefined, name: string, mayWait: boolean): void {
    const { maxWaitingTurns } = this.#options;
    const { endedBy } = turn;
    if (endedBy !== undefined || !mayWait || this.#waiting >= maxWaitingTurns) {
      promise?.then(undefined, () => {});
      throw endedBy ?? wouldBlock(name, mayWait ? maxWaitingTurns : undefined);
    }
    this.#waiting += 1;
    turn.suspension = 'waiting';
  }

  /**
   * Whether a call of another component instance is made on a stack of its own, on which it can be suspended.
   * @param mayWait whether what is called may have to wait
   */
  nests(turn: Turn, mayWait: boolean): boolean {
    if (!MAY_NEST_CALLS || !turn.mayWait || !(mayWait || turn.preemptive)) return false;
    return turn.depth < MAX_DEPTH && this.#stacks < this.#options.maxStacks;
  }

  /**
   * Calls another component instance on a stack of its own, for a guest whose stack may be suspended. Answers the callee's
   * answer. Where the callee was suspended it answers the `NestedCall`: then the guest suspends itself too, and calls its
   * import again for the answer.
   * @throws the error case of the function's `result`
   */
  callNested(turn: Turn, steps: LiftedSteps): unknown {
    const { execution } = this.#options;
    const [entry, ...args] = steps.next().value as [GuestEntry, ...unknown[]];
    turn.depth += 1;
    entry.begin(turn);
    const ended = entry.enter(entry, entry.callee, ...args);
    if (entry.isAnswered) {
      turn.depth -= 1;
      return steps.next(entry.raw).value;
    }
    const call = new NestedCall();
    const onAnswer = (): void => {
      turn.depth -= 1;
      // The callee's stack ends here without any further notice. The turn goes on with the caller's, which may be suspended again.
      turn.suspendable = true;
      execution.park(turn);
      turn.lent = call.lent;
      turn.settle(new Continuation(() => steps.next(entry.raw).value), false);
      call.proceed();
    };
    entry.onAnswer = onAnswer;
    ended.then(undefined, (thrown: unknown) => this.#nestedTrapped(turn, call, thrown));
    // The turn still runs where the callee has trapped, which only the promise will tell.
    const releases = execution.isRunning(turn);
    if (releases) execution.putAside(turn);
    this.#suspendNext(turn, call, releases);
    return call;
  }

  /** Handles a callee's trap on a stack of its own: the caller must trap too, and cannot catch it. */
  #nestedTrapped(turn: Turn, call: NestedCall, thrown: unknown): void {
    const { execution } = this.#options;
    if (execution.isRunning(turn)) execution.park(turn);
    try {
      turn.state.trap(thrown);
    } catch {
      call.proceed();
    }
  }

  /**
   * Suspends the stack that runs in a turn, as soon as the host function that calls this has returned to its guest. The turn
   * keeps the thread, unless another one of its stacks has given the thread away.
   * @throws `RUNTIME_TOO_MANY_STACKS`: the system gives a process some ten thousand stacks, and V8 ends the process beyond
   */
  parkStack(stack: TurnStack): void {
    const { execution, maxStacks } = this.#options;
    if (this.#stacks >= maxStacks) throw tooManyStacks(maxStacks);
    const keeps = execution.isRunning(stack.turn);
    if (keeps) execution.putAside(stack.turn);
    this.#suspendNext(stack.turn, stack, keeps);
  }

  /** Begins the slice of a turn that has just been given the thread. */
  started(turn: Turn): void {
    turn.began = this.#options.now();
  }

  mustWait(tank: Tank): boolean {
    return this.#parked?.tank === tank;
  }

  yields(tank: Tank): boolean {
    const { execution, now } = this.#options;
    const turn = execution.running;
    if (!turn.preemptive || !turn.suspendable || turn.tank !== tank) return false;
    const ended = now();
    const took = ended - turn.began;
    if (took < this.#sliceFrom(turn.began)) return false;
    if (turn.isHeld()) return false;
    this.#sliceEnded = ended;
    this.#sliceTook = took;
    turn.suspension = 'yielded';
    execution.putAside(turn);
    this.#suspendNext(turn, undefined);
    return true;
  }

  /** How long the slice is that began at a time. What comes while a turn computes waits for its end, and more may come soon. */
  #sliceFrom(began: number): number {
    const { sliceMs } = this.#options;
    return began - this.#workedAt < BESIDE_WORK.ms ? sliceMs / BESIDE_WORK.parts : sliceMs;
  }

  #suspendNext(turn: Turn, awaited: Awaited, releases = true): void {
    this.#parked = turn;
    this.#awaited = awaited;
    this.#releases = releases;
  }

  /** @param token the number of the stack: the guest hands on what `suspend` resolved to */
  resumed(token: unknown): void {
    const turn = this.#tokens.take(token as number);
    if (turn instanceof TurnStack) {
      this.#stacks -= 1;
      if (turn.isOver) {
        // The tank of a store that has ended gives no fuel, so the guest traps here.
        this.#options.execution.enter(turn.turn);
        return;
      }
      this.#options.execution.resume(turn.turn);
      // Only frames of the guest are on a stack that was suspended.
      turn.turn.suspendable = turn.turn.preemptive;
      return;
    }
    const waited = turn.suspension === 'waiting';
    turn.suspension = undefined;
    this.#options.execution.resume(turn);
    turn.began = this.#switchedAt(turn.tank);
    if (!waited) {
      turn.suspendable = true;
      return;
    }
    this.#waiting -= 1;
    turn.waitedMs += turn.began - turn.waits;
  }

  /** The guest calls this right after the import that parked its turn. */
  #suspend(): Promise<number> {
    const turn = this.#parked;
    if (turn === undefined) throw new Error('a guest suspended itself without being told to');
    const awaited = this.#awaited;
    this.#parked = undefined;
    this.#awaited = undefined;
    if (awaited instanceof TurnStack) return this.#suspendStack(awaited);
    if (this.#releases) this.#options.execution.release(turn);
    if (awaited instanceof NestedCall) {
      this.#stacks += 1;
      return new Promise((resolve) => {
        const proceed = (): void => {
          this.#stacks -= 1;
          resolve(this.#tokens.give(turn));
        };
        awaited.proceed = proceed;
      });
    }
    turn.suspended?.();
    turn.token = this.#tokens.give(turn);
    const proceeding = proceedsLater(turn);
    if (awaited === undefined) this.#line(turn);
    else if (awaited instanceof Later) turn.goOnAfterLater(awaited);
    else turn.goOnAfter(awaited);
    return proceeding;
  }

  #suspendStack(stack: TurnStack): Promise<number> {
    if (this.#releases) this.#options.execution.takeBack(stack.turn);
    this.#stacks += 1;
    return new Promise((resolve) => {
      const proceed = (): void => resolve(this.#tokens.give(stack));
      stack.proceed = proceed;
      stack.suspended();
    });
  }

  #line(turn: Turn): void {
    this.#ready.add(turn, this.#sliceTook / this.#options.sliceMs - 1);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.soon(this.#onRound);
  }

  /**
   * Begins the next slice, unless the event loop has other work and has worked for less time than the last slice took. A
   * server beside a turn that computes so keeps half of the thread.
   */
  #comeRound(): void {
    const { now, soon, sliceMs } = this.#options;
    const reading = now();
    const isIdle = reading - Math.max(this.#cameRound, this.#sliceEnded) < IDLE_MS;
    this.#cameRound = reading;
    if (!isIdle) this.#workedAt = reading;
    if (!isIdle && reading - this.#sliceEnded < Math.min(this.#sliceTook, MOST_PAUSED * sliceMs)) {
      soon(this.#onRound);
      return;
    }
    this.#sliceTook = 0;
    this.#sliceEnded = reading;
    this.#isScheduled = false;
    this.#ready.shift()?.goOn();
    if (!this.#ready.isEmpty) this.#schedule();
  }
}

let resolver: (token: number) => void;
/** One function for all promises, because a closure for each suspension would cost as much as its promise. */
const takeResolver = (resolve: (token: number) => void): void => {
  resolver = resolve;
};

/** A promise that is resolved when the turn is told to go on. */
function proceedsLater(turn: Turn): Promise<number> {
  const proceeding = new Promise<number>(takeResolver);
  turn.proceed = resolver;
  return proceeding;
}

function tooManyStacks(maxStacks: number): RuntimeError {
  const message = `${maxStacks} stacks of this runtime are suspended already (maxStacks)`;
  return new RuntimeError('RUNTIME_TOO_MANY_STACKS', message);
}

function wouldBlock(name: string, mostWaiting: number | undefined): RuntimeError {
  const why =
    mostWaiting === undefined
      ? 'the guest was being started, allocated memory or cleaned up, or this runtime has no turns that wait'
      : `${mostWaiting} turns of this runtime wait already (maxWaitingTurns)`;
  return new RuntimeError('RUNTIME_WOULD_BLOCK', `${name} would have to wait where it cannot: ${why}`);
}

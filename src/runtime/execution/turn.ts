import type { VivariumError } from '#core/errors';
import type { Tank } from '#core/ports/meter';
import type { Later, LaterListener } from '#core/waiting';
import { Continuation, type HostCall, type HostState } from '#runtime/host';

const { then } = Promise.prototype;
const neverHeld = (): boolean => false;

/** Why a turn is suspended: it waits for the host, or it has used up its slice of the thread. */
export type Suspension = 'waiting' | 'yielded';

/** One call into a store, from its first instruction until it has answered or failed. A store uses one `Turn` for all its calls. */
export class Turn implements LaterListener {
  readonly state: HostState;
  readonly tank: Tank;
  /** The state that the direct path made for the store, which generated code needs. */
  entry: object | undefined = undefined;
  /** The turn that called the host function in which this turn was entered or resumed. */
  outer: Turn | undefined = undefined;
  /** Whether it was resumed after it was entered, so that `outer` is not its caller. */
  resumed = false;
  /** Whether another turn, or none, has the thread, and `parked` holds what the lanes held of this turn. */
  isParked = false;
  readonly parked: unknown[] = [];
  /** Whether only frames of the guest are on its stack, so that it may suspend itself. */
  suspendable = false;
  /** Whether it was `suspendable` when the guest called the host function that runs. */
  mayWait = false;
  /** How many of its stacks wait for a call of another component instance in this turn. */
  depth = 0;
  /** The handles that the waiting import has lent. They are given back after the guest has called it again. */
  lent: unknown = undefined;
  /** Whether it gives the thread away when its slice is used up. */
  readonly preemptive: boolean;
  /** Its share of the thread, 1 for most turns. */
  readonly weight: number;
  /** The call of a host function that begins now, if its guest can cancel it. */
  hostCall: Pick<HostCall, 'callerIn'> | undefined = undefined;
  suspension: Suspension | undefined = undefined;
  /** Whether `#outcome` holds what the import has waited for, because the guest has not called the import again yet. */
  isSettled = false;
  #isRejected = false;
  #outcome: unknown = undefined;
  /** Lets the stack go on, while it is suspended. It is given `token`. */
  proceed: ((token: number) => void) | undefined = undefined;
  /** The number that stands for the suspended stack. */
  token = 0;
  /** What the turn listens to, while it waits for it. */
  #later: Later<unknown> | undefined = undefined;
  #kept: ((value: unknown) => void) | undefined = undefined;
  #broken: ((thrown: unknown) => void) | undefined = undefined;
  /**
   * Told the answer of the exported function that is called next, if that can answer before the turn ends. The turn lasts until the
   * promise that it returns is settled.
   */
  told: ((answer: unknown) => Promise<unknown> | undefined) | undefined = undefined;
  /** Whether its guest is using something that all turns of the thread share, so that it must not be suspended. */
  isHeld: () => boolean = neverHeld;
  /**
   * Why it must end; its store takes no call after that. An end may come while nothing of the turn is suspended, for example after it
   * was told to go on and before it does. So whatever would wait or go on for it looks here.
   */
  endedBy: VivariumError | undefined = undefined;
  /** Called when its store has been discarded. */
  discarded: ((reason: unknown) => void) | undefined = undefined;
  /** Called when it is suspended; the same function for all suspensions of a call. */
  suspended: (() => void) | undefined = undefined;
  /** The monotonic clock, in milliseconds, when it was given the thread. */
  began = 0;
  /** The monotonic clock, in milliseconds, when it began to wait. */
  waits = 0;
  /** Milliseconds that its call has waited for the host so far. The time in which it had yielded does not count. */
  waitedMs = 0;
  /** Slices that it may still have in this round. */
  credit = 0;

  constructor(state: HostState, tank: Tank, preemptive = false, weight = 1) {
    this.state = state;
    this.tank = tank;
    this.preemptive = preemptive;
    this.weight = weight;
  }

  /**
   * Takes the answer that an import has waited for, which can be taken once. If it is a `Continuation`, the import's work
   * goes on here, and may answer another promise.
   * @throws what the promise was rejected with, or what that work throws, or why the turn was ended
   */
  take(): unknown {
    if (this.endedBy !== undefined) throw this.endedBy;
    if (!this.isSettled) throw new Error('the turn has waited for nothing');
    const outcome = this.#outcome;
    this.isSettled = false;
    this.#outcome = undefined;
    if (this.#isRejected) throw outcome;
    return outcome instanceof Continuation ? outcome.run() : outcome;
  }

  /** Keeps the outcome of a promise for `take`. */
  settle(outcome: unknown, isRejected: boolean): void {
    this.isSettled = true;
    this.#isRejected = isRejected;
    this.#outcome = outcome;
  }

  /** Goes on with the value that comes later, unless the turn was ended before. */
  goOnAfterLater(later: Later<unknown>): void {
    this.#later = later;
    later.listen(this);
  }

  laterAnswered(value: unknown): void {
    this.#goOnWith(value, false);
  }

  laterFailed(reason: unknown): void {
    this.#goOnWith(reason, true);
  }

  /**
   * Goes on with the outcome of a promise, unless the turn was ended before. The turn keeps the two callbacks, since it
   * waits for one promise at a time and a promise calls back once.
   */
  goOnAfter(promise: PromiseLike<unknown>): void {
    this.#kept ??= (value) => this.#goOnWith(value, false);
    this.#broken ??= (thrown) => this.#goOnWith(thrown, true);
    // A thenable may call back as often as it likes. A promise made of it does not, whatever its own \`then\` is.
    then.call(Promise.resolve(promise), this.#kept, this.#broken);
  }

  #goOnWith(outcome: unknown, isRejected: boolean): void {
    if (this.proceed === undefined) return;
    this.#later = undefined;
    this.settle(outcome, isRejected);
    this.goOn();
  }

  /** Lets the stack go on, if it is suspended. */
  goOn(): void {
    const { proceed } = this;
    this.proceed = undefined;
    proceed?.(this.token);
  }

  /** Drops what the lanes held of the turn. */
  forgetParked(): void {
    this.isParked = false;
    for (let index = 0; index < this.parked.length; index++) this.parked[index] = undefined;
  }

  /** Ends the turn: its guest traps where it is suspended, and cannot catch that. Where nothing is suspended, it ends when it next waits. */
  end(reason: VivariumError): void {
    this.endedBy ??= reason;
    this.tank.stop(reason);
    this.goOn();
    const later = this.#later;
    this.#later = undefined;
    later?.drop();
  }
}

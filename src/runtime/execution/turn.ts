import type { VivariumError } from '#core/errors';
import type { Tank } from '#core/ports/meter';
import type { HostState } from '#runtime/host';
import { Continuation } from './continuation.ts';

/** The outcome of a host function's promise. */
export type Settled = { readonly value: unknown } | { readonly thrown: unknown };

/** Why a turn is suspended: it waits for the host, or it has used up its slice of the thread. */
export type Suspension = 'waiting' | 'yielded';

/** One call into a store, from its first instruction until it has answered or failed. A store uses one `Turn` for all its calls. */
export class Turn {
  readonly state: HostState;
  readonly tank: Tank;
  /** The state that the direct path made for the store, which generated code needs. */
  entry: object | undefined = undefined;
  /** The turn that called the host function in which this turn was entered or resumed. */
  outer: Turn | undefined = undefined;
  /** Whether it was resumed after it was entered, so that `outer` is not its caller. */
  resumed = false;
  /** What the lanes hold of this turn while another one has the thread. */
  parked: readonly unknown[] | undefined = undefined;
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
  suspension: Suspension | undefined = undefined;
  /** What the import has waited for, until the guest has called it again. */
  settled: Settled | undefined = undefined;
  /** Lets the stack go on, while it is suspended. */
  proceed: (() => void) | undefined = undefined;
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
   * @throws what the promise was rejected with, or what that work throws
   */
  take(): unknown {
    const { settled } = this;
    this.settled = undefined;
    if (settled === undefined) throw new Error('the turn has waited for nothing');
    if ('thrown' in settled) throw settled.thrown;
    const { value } = settled;
    return value instanceof Continuation ? value.run() : value;
  }

  /** Ends the turn while it is suspended: its guest traps where it stands, and cannot catch that. */
  end(reason: VivariumError): void {
    this.tank.stop(reason);
    this.proceed?.();
  }
}

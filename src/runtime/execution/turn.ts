import type { VivariumError } from '#core/errors';
import type { Tank } from '#core/ports/meter';
import type { HostState } from '#runtime/host';
import { Continuation } from './continuation.ts';

/** What the promise of a host function came to. */
export type Settled = { readonly value: unknown } | { readonly thrown: unknown };

/** Why a turn is suspended: it waits for the host, or it has used up its slice of the thread. */
export type Suspension = 'waiting' | 'yielded';

/** One call into a store, from its first instruction until it has answered or failed. A store uses its turn again. */
export class Turn {
  readonly state: HostState;
  readonly tank: Tank;
  /** What generated code needs of the store: the state that the direct path made for it. */
  entry: object | undefined = undefined;
  /** The turn that called the host function in which this one was entered, or in which it went on. */
  outer: Turn | undefined = undefined;
  /** Whether it was resumed since it was entered, so that `outer` did not call it. */
  resumed = false;
  /** What the lanes hold of this turn while another one has the thread. */
  parked: readonly unknown[] | undefined = undefined;
  /** Whether only frames of the guest are on its stack, so that it may suspend itself. */
  suspendable = false;
  /** Whether that was so when the guest called the host function that runs. */
  mayWait = false;
  /** How many of its stacks wait for one that this turn has called in another component instance. */
  depth = 0;
  /** What the import that waits has lent, to be given back when it is called again. */
  lent: unknown = undefined;
  /** Whether it gives the thread away when its slice is used up; its share of the thread, 1 for most. */
  readonly preemptive: boolean;
  readonly weight: number;
  suspension: Suspension | undefined = undefined;
  /** What the import that is being called again has waited for. */
  settled: Settled | undefined = undefined;
  /** Lets the stack go on, while it is suspended. */
  proceed: (() => void) | undefined = undefined;
  /** Called when it is suspended; the same function for all suspensions of a call. */
  suspended: (() => void) | undefined = undefined;
  /** The monotonic clock when it was given the thread, and when it began to wait. */
  began = 0;
  waits = 0;
  /** Milliseconds that its call has waited so far, time as a turn that has yielded excluded. */
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
   * The answer that an import has waited for, once; or what its work, which goes on here, answers now: another promise too.
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

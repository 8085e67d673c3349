import type { VivariumError } from '#core/errors';
import type { KeepingCall } from '#core/limits';
import type { Account, CallBudget } from '#core/ports/meter';
import type { ServedRequest } from '#core/ports/serving';
import type { Linked } from '#core/queue';
import { type AsyncContext, currentContext, inContext, Later } from '#core/waiting';
import { execution, type ParkedCall } from '#runtime/execution';
import type { TurnCaller } from '#runtime/host';
import type { OutsideCall } from '#runtime/tasks';
import type { LastWords } from './guest-words.ts';

/** What a call tells the turn that it shares. */
export interface SharedCallOwner {
  ended(call: SharedCall): void;
  /** The error for what the call's function threw. */
  failureOf(thrown: unknown): VivariumError;
}

/** What the host has to note of some calls, and of most never. */
export class CallNotes {
  /** Why the host has told the call to end. */
  reason: VivariumError | undefined;
  /** Stops the timer that ends the store where the call does not end in time. */
  stopGrace: (() => void) | undefined;
  /** What has ended the call together with the store. */
  error: VivariumError | undefined;
  /** Told when the host gives the call up, so that what has come of its answer ends with it. */
  givenUp: ((reason: VivariumError) => void) | undefined;
  caller: TurnCaller | undefined;
  /** The HTTP request that the call answers. */
  served: ServedRequest | undefined;
  /** The last lines that its guest has written to standard error. */
  words: LastWords | undefined;
  lanes: ParkedCall;
  keptBytes = 0;
  /** The context in which the call was made. */
  context: AsyncContext;
  slice: Account['slice'];
}

/**
 * A call that runs beside others, or may, with its account of the tank. Its caller is told its outcome as that of a `Later`, and it is told
 * that of the function that it has called.
 */
export class SharedCall extends Later<unknown> implements OutsideCall, KeepingCall, Account, Linked<SharedCall> {
  readonly budget: CallBudget;
  given: number | undefined = undefined;
  left = 0;
  microseconds = 0;
  before: SharedCall | undefined = undefined;
  behind: SharedCall | undefined = undefined;
  /** Whole milliseconds of the monotonic clock, because V8 keeps each other number as an object. */
  readonly startedAt: number;
  #notes: CallNotes | undefined;
  readonly #owner: SharedCallOwner;

  constructor(budget: CallBudget, startedAt: number, owner: SharedCallOwner) {
    super();
    this.budget = budget;
    this.startedAt = Math.ceil(startedAt);
    this.#owner = owner;
    const context = currentContext();
    if (context !== undefined) this.noting().context = context;
    this.lanes = execution.parkCall();
    execution.resumeCall(this.lanes);
  }

  /** What the lanes of the thread hold of it, while the turn runs for others. */
  get lanes(): ParkedCall {
    return this.#notes?.lanes;
  }

  set lanes(lanes: ParkedCall) {
    if (lanes !== this.lanes) this.noting().lanes = lanes;
  }

  get slice(): Account['slice'] {
    return this.#notes?.slice;
  }

  set slice(slice: Account['slice']) {
    this.noting().slice = slice;
  }

  get keptBytes(): number {
    return this.#notes?.keptBytes ?? 0;
  }

  set keptBytes(bytes: number) {
    this.noting().keptBytes = bytes;
  }

  get notes(): CallNotes | undefined {
    return this.#notes;
  }

  /** The call's notes, to write in. */
  noting(): CallNotes {
    this.#notes ??= new CallNotes();
    return this.#notes;
  }

  laterAnswered(value: unknown): void {
    const reason = this.#notes?.reason;
    this.#owner.ended(this);
    if (reason === undefined) this.answer(value);
    else this.fail(reason);
  }

  laterFailed(thrown: unknown): void {
    const failure = this.#notes?.error ?? this.#notes?.reason ?? this.#owner.failureOf(thrown);
    this.#owner.ended(this);
    this.fail(failure);
  }

  inContext<T>(work: () => T): T {
    return inContext(this.#notes?.context, work);
  }
}

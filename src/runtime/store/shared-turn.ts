import type { ComponentHandle } from '#core';
import { formatComponentId } from '#core';
import type { VivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { MessageTurn } from '#core/ports/engine';
import type { Account, CallBudget, Tank } from '#core/ports/meter';
import { Chain } from '#core/queue';
import { Later } from '#core/waiting';
import { execution, type Turn } from '#runtime/execution';
import { TurnCaller } from '#runtime/host';
import type { OutsideCall, SideBySide } from '#runtime/tasks';
import { ArgumentRefused, RuntimeError } from '../errors.ts';
import { SharedCall, type SharedCallOwner } from './shared-call.ts';

/** What a call has used. */
type UsedByCall = Pick<Account, 'given' | 'left' | 'microseconds'>;

/** What a turn that several calls share needs of its store. */
export interface TurnOwner {
  readonly hasDrops: boolean;
  /** Begins the turn, on the budget of its first call. */
  begin(budget: CallBudget, now: number | undefined): void;
  runDrops(): void;
  /** Ends the turn's budget. @throws what ends the store */
  settle(): void;
  /** The error for what a call threw. The store is dead, unless it was the guest's own error or a refused argument. */
  ended(thrown: unknown): VivariumError;
  /** The error for the guest's own error. */
  answered(thrown: unknown): VivariumError;
  /** Ends the store. */
  end(reason: VivariumError): void;
  leave(): void;
}

export interface SharedTurnParts {
  readonly handle: ComponentHandle;
  readonly turn: Turn;
  readonly tank: Tank;
  readonly clock: Clock;
  /** How many calls may be under way. */
  readonly most: number;
  /** Milliseconds from a call's beginning to its end, waiting included. */
  readonly maxTurnTimeMs: number;
  /** Milliseconds that a call which was told to end has for that. */
  readonly graceMs: number;
  readonly owner: TurnOwner;
}

/**
 * Ends one call and no other, so it does nothing once that call has ended. Where the call has the store for itself, the store ends with it,
 * and the answer is settled when it has.
 */
export type EndCall = (reason: VivariumError) => Promise<void> | undefined;

/**
 * A turn that serves several calls side by side. It begins with the first call and ends when none is left. Each call has an account of
 * the tank, which is charged whenever a task of the call runs, and a time of its own. What ends the store ends all calls.
 */
export class SharedTurn implements SideBySide {
  tasks: SideBySide['tasks'];
  beginning: SharedCall | undefined;
  told: SideBySide['told'];
  readonly #parts: SharedTurnParts;
  readonly #calls = new Chain<SharedCall>();
  /** Calls that have joined and only drop what the embedder has released, with their answers. No task of the guest's tells their end. */
  readonly #dropping = new Map<SharedCall, unknown>();
  #isOpen = false;
  /** Whether the code that has begun the turn is still on the stack. It ends the turn then, if nothing is left. */
  #isBeginning = false;
  #charged: SharedCall | undefined;
  /** The call that ended the store, where it is not the one whose guest code ran. */
  #fault: SharedCall | undefined;
  /** Whether the host ends the store for a reason that concerns all calls alike. */
  #endsAll = false;
  #stopTimer: (() => void) | undefined;
  #last: UsedByCall | undefined;
  readonly #owner: SharedCallOwner = {
    ended: (call) => this.#ended(call),
    failureOf: (thrown) => this.#parts.owner.answered(thrown),
  };

  constructor(parts: SharedTurnParts) {
    this.#parts = parts;
  }

  /** What the call has used that ended last; undefined where none has. */
  get last(): UsedByCall | undefined {
    return this.#last;
  }

  /** The call for which guest code runs, or ran last; undefined between turns. */
  get charged(): SharedCall | undefined {
    return this.#charged;
  }

  /** The bytes that the host keeps for what has come to be in the calls that are under way. */
  get keptBytes(): number {
    let sum = 0;
    for (const { keptBytes } of this.#calls) sum += keptBytes;
    return sum;
  }

  /** Ends the call that begins now. */
  get endOfBeginning(): EndCall {
    const call = this.beginning;
    return (reason) => {
      if (call !== undefined) this.#giveUp(call, reason);
      return undefined;
    };
  }

  /** Names who is told when the host gives up the call that begins now. */
  tellGivenUp(givenUp: (reason: VivariumError) => void): void {
    if (this.beginning !== undefined) this.beginning.noting().givenUp = givenUp;
  }

  /** What an embedder's function is told of the call that calls it. */
  get caller(): TurnCaller {
    const { clock, handle, maxTurnTimeMs } = this.#parts;
    const call = this.#charged as SharedCall;
    const notes = call.noting();
    notes.caller ??= new TurnCaller(handle, clock.now() + maxTurnTimeMs - (clock.monotonic() - call.startedAt));
    return notes.caller;
  }

  /** Makes one call, which begins the turn or joins it. @throws as the store's `call` */
  call<T>(budget: CallBudget, run: () => MessageTurn<T>, now: number | undefined): MessageTurn<T> {
    if (this.#calls.size >= this.#parts.most) throw full(this.#parts);
    return this.#isOpen ? this.#join(budget, run) : this.#begin(budget, run, now);
  }

  #begin<T>(budget: CallBudget, run: () => MessageTurn<T>, now: number | undefined): MessageTurn<T> {
    const { owner, tank, turn, clock } = this.#parts;
    owner.begin(budget, now);
    this.#isOpen = true;
    this.#isBeginning = true;
    const call = new SharedCall(budget, now ?? clock.monotonic(), this.#owner);
    tank.opens(call);
    this.#charged = call;
    this.#calls.add(call);
    let value: MessageTurn<T>;
    try {
      if (owner.hasDrops) owner.runDrops();
      value = this.#run(call, run);
      this.#isBeginning = false;
      if (isLater(value) && this.tasks?.isIdle === false) {
        if (execution.isRunning(turn)) execution.park(turn);
        this.#watch();
        return outcomeOf(call, value);
      }
      this.#dropAll();
      this.#settle(call);
      owner.settle();
    } catch (thrown) {
      this.#isBeginning = false;
      // A task has failed where calls that joined meanwhile were told so, and the turn has ended with them.
      if (!this.#isOpen) throw call.notes?.error ?? thrown;
      const error = owner.ended(thrown);
      call.notes?.caller?.abort(error);
      for (const each of this.#dropping.keys()) each.noting().error = this.#besides(error);
      this.#close();
      throw error;
    }
    this.#close();
    return isLater(value) ? outcomeOf(call, value) : value;
  }

  #join<T>(budget: CallBudget, run: () => MessageTurn<T>): MessageTurn<T> {
    // Calls begin from microtasks. One that joined while the turn begins would be lost where the first call ends at once.
    if (this.#isBeginning) throw new Error('a call joins a turn that is being begun');
    const { owner, clock } = this.#parts;
    const call = new SharedCall(budget, clock.monotonic(), this.#owner);
    this.#calls.add(call);
    const { hasDrops } = owner;
    // Before its own work, a call drops what the embedder has released, on its own budget.
    if (hasDrops) this.tasks?.enqueue(() => this.#drop(call));
    let value: MessageTurn<T>;
    try {
      value = this.#run(call, run);
    } catch (thrown) {
      // Nothing of the guest's runs while a call joins, so this is the host's refusal of an argument.
      this.#calls.delete(call);
      throw thrown instanceof ArgumentRefused ? thrown : this.#parts.owner.answered(thrown);
    }
    if (isLater(value)) {
      this.#watch();
      return outcomeOf(call, value);
    }
    if (hasDrops) {
      this.#dropping.set(call, value);
      this.#watch();
      return call as Later<unknown> as Later<T>;
    }
    this.#calls.delete(call);
    return value;
  }

  /** Drops what the embedder has released, for a call that has joined and not ended. */
  #drop(call: SharedCall): void {
    if (!this.#calls.has(call)) return;
    this.charge(call);
    this.#parts.owner.runDrops();
    if (!this.#dropping.has(call)) return;
    this.#settle(call);
    const answer = this.#dropping.get(call);
    this.#dropping.delete(call);
    call.laterAnswered(answer);
  }

  /** Ends the calls that only drop resources. No other call is left that the turn would wait for. */
  #dropAll(): void {
    for (const call of this.#dropping.keys()) this.#drop(call);
  }

  #run<T>(call: SharedCall, run: () => T): T {
    this.beginning = call;
    try {
      return run();
    } finally {
      this.beginning = undefined;
      this.told = undefined;
    }
  }

  #ended(call: SharedCall): void {
    this.#calls.delete(call);
    const { notes } = call;
    if (notes === undefined) return;
    if (notes.reason !== undefined) notes.caller?.abort(notes.reason);
    notes.stopGrace?.();
  }

  charge(call: OutsideCall): void {
    if (call === this.#charged) return;
    this.#switch(call as SharedCall);
    this.#parts.tank.charge(call as SharedCall);
  }

  /** Lets the turn run for another call, or for none. */
  #switch(call: SharedCall | undefined): void {
    const lanes = execution.parkCall();
    if (this.#charged !== undefined) this.#charged.lanes = lanes;
    this.#charged = call;
    if (call !== undefined) execution.resumeCall(call.lanes);
  }

  answered(call: OutsideCall): void {
    this.#settle(call as SharedCall);
    this.#calls.delete(call as SharedCall);
  }

  #settle(call: SharedCall): void {
    if (call !== this.#charged) this.#switch(call);
    this.#fault = call;
    this.#parts.tank.settle(call);
    this.#fault = undefined;
    // What has ended keeps no call: that may hold a request.
    this.#last = { given: call.given, left: call.left, microseconds: call.microseconds };
  }

  idle(): void {
    if (this.#isBeginning || !this.#isOpen) return;
    this.#dropAll();
    this.#parts.owner.settle();
    this.#close();
  }

  failed(thrown: unknown, at: OutsideCall | undefined): void {
    if (!this.#isOpen) return;
    const { owner, turn } = this.#parts;
    execution.reclaim(turn);
    const error = owner.ended(thrown);
    const fault = this.#fault ?? at;
    for (const call of this.#calls) {
      const notes = call.noting();
      notes.error = this.#endsAll || fault === undefined || fault === call ? error : this.#besides(error);
      notes.caller?.abort(notes.error);
    }
    this.#close();
  }

  #besides(cause: VivariumError): RuntimeError {
    const message = `another call of ${formatComponentId(this.#parts.handle.id)} has ended the instance that served this one too: ${cause.message}`;
    return new RuntimeError('RUNTIME_INSTANCE_ENDED', message, { cause, details: { cause: cause.code } });
  }

  #close(): void {
    this.#isOpen = false;
    const dropping = [...this.#dropping.keys()];
    this.#dropping.clear();
    this.#calls.clear();
    this.#switch(undefined);
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#parts.owner.leave();
    for (const call of dropping) call.laterFailed(call.notes?.error);
  }

  /** All calls end with the store, for a reason that concerns them alike. */
  endAll(): void {
    this.#endsAll = this.#fault === undefined;
  }

  /** Tells a call to end, by the cancellation of its task. If it has not ended after a while, the store ends. */
  #giveUp(call: SharedCall, reason: VivariumError): void {
    if (call.notes?.reason !== undefined || !this.#calls.has(call)) return;
    const { clock, graceMs, owner } = this.#parts;
    const notes = call.noting();
    notes.reason = reason;
    notes.stopGrace = clock.after(graceMs, () => {
      if (!this.#calls.has(call)) return;
      this.#fault = call;
      owner.end(reason);
    });
    this.tasks?.cancel(call);
    notes.givenUp?.(reason);
  }

  /** Ends each call when its time is over. The calls are in the order in which they began. */
  #watch(): void {
    if (this.#stopTimer !== undefined) return;
    const first = this.#calls.find(({ notes }) => notes?.reason === undefined);
    if (first === undefined) return;
    const { clock, maxTurnTimeMs } = this.#parts;
    const left = first.startedAt + maxTurnTimeMs - clock.monotonic();
    this.#stopTimer = clock.after(Math.max(0, left), () => {
      this.#stopTimer = undefined;
      const now = clock.monotonic();
      for (const call of this.#calls) {
        if (call.notes?.reason !== undefined) continue;
        if (now - call.startedAt < maxTurnTimeMs) break;
        this.#giveUp(call, overdue(maxTurnTimeMs));
      }
      this.#watch();
    });
  }
}

function isLater<T>(value: MessageTurn<T>): value is Promise<T> | Later<T> {
  return value instanceof Later || value instanceof Promise;
}

/** What a call's caller is told, once its function has ended. */
function outcomeOf<T>(call: SharedCall, value: Promise<T> | Later<T>): Later<T> {
  // A function of a component with asynchronous parts tells the call itself, and answers it.
  if ((value as unknown) === call) return value as Later<T>;
  if (value instanceof Later) value.listen(call);
  else
    value.then(
      (answer) => call.laterAnswered(answer),
      (thrown) => call.laterFailed(thrown),
    );
  return call as Later<unknown> as Later<T>;
}

export function overdue(limitMs: number): RuntimeError {
  const message = `the turn took longer than its ${limitMs} ms, what it waited included`;
  return new RuntimeError('RUNTIME_TURN_TIMEOUT', message, { details: { limitMs } });
}

function full({ handle, most }: SharedTurnParts): RuntimeError {
  return new RuntimeError(
    'RUNTIME_TRAP',
    `${formatComponentId(handle.id)} was called while ${most} calls of it were running`,
  );
}

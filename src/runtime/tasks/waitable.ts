import { type HeldByGuest, WAITABLE_SET_BYTES } from './host-bytes.ts';

/** The kinds of events, by the numbers of the canonical ABI. */
export const EVENT = {
  none: 0,
  subtask: 1,
  streamRead: 2,
  streamWrite: 3,
  futureRead: 4,
  futureWrite: 5,
  taskCancelled: 6,
} as const;

/** What a guest is told: a kind of event, the handle of what it happened to, and what it says of it. */
export type TaskEvent = readonly [code: number, handle: number, payload: number];

export const NO_EVENT: TaskEvent = [EVENT.none, 0, 0];
export const CANCELLED_EVENT: TaskEvent = [EVENT.taskCancelled, 0, 0];

/** A thread that waits, which is looked at again once it is woken. */
export interface Waiter {
  wake(): void;
}

/** Something that a guest waits for: a subtask, or an end of a stream or future. It has at most one event that was not delivered. */
export abstract class Waitable implements HeldByGuest {
  #hasEvent = false;
  /** Who is told of an event: the set that it is in, or who waits for it in a synchronous built-in. Such a waitable can join no set. */
  #told: WaitableSet | Waiter | undefined = undefined;
  /** Its neighbours in the ring of those of its set that have events. Only the set uses them. */
  before: Waitable | undefined = undefined;
  behind: Waitable | undefined = undefined;

  abstract readonly hostBytes: number;

  /** What happened, said when the event is delivered. */
  protected abstract event(): TaskEvent;

  get hasEvent(): boolean {
    return this.#hasEvent;
  }

  get isInSet(): boolean {
    return this.#told instanceof WaitableSet;
  }

  /** Woken when an event is there, while a synchronous built-in waits for it. Set it only where the waitable is in no set. */
  get syncWaiter(): Waiter | undefined {
    return this.#told instanceof WaitableSet ? undefined : this.#told;
  }

  set syncWaiter(waiter: Waiter | undefined) {
    if (!this.isInSet) this.#told = waiter;
  }

  /** Something has happened, which replaces what had happened before and was not delivered. */
  setEvent(): void {
    const told = this.#told;
    const isNew = !this.#hasEvent;
    this.#hasEvent = true;
    if (isNew && told instanceof WaitableSet) told.happened(this);
    else told?.wake();
  }

  /** Delivers the event. Call it only where there is one. */
  takeEvent(): TaskEvent {
    this.#hasEvent = false;
    if (this.#told instanceof WaitableSet) this.#told.delivered(this);
    return this.event();
  }

  join(set: WaitableSet | undefined): void {
    if (this.#told instanceof WaitableSet) this.#told.remove(this);
    this.#told = set;
    set?.add(this);
  }
}

/** Who waits for the same: nobody, the only one, or a line of several, which is woken as one. */
type Waiting = Waiter | undefined;

/** Several threads that wait for the same, oldest first. Waking it wakes the first. */
class WaiterLine implements Waiter {
  readonly #waiters: Set<Waiter>;

  constructor(first: Waiter, second: Waiter) {
    this.#waiters = new Set([first, second]);
  }

  get isEmpty(): boolean {
    return this.#waiters.size === 0;
  }

  add(waiter: Waiter): void {
    this.#waiters.add(waiter);
  }

  remove(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }

  wake(): void {
    const [first] = this.#waiters;
    first?.wake();
  }
}

function joined(waiting: Waiting, waiter: Waiter): Waiting {
  if (waiting === undefined || waiting === waiter) return waiter;
  if (!(waiting instanceof WaiterLine)) return new WaiterLine(waiting, waiter);
  waiting.add(waiter);
  return waiting;
}

function left(waiting: Waiting, waiter: Waiter): Waiting {
  if (waiting === waiter) return undefined;
  if (!(waiting instanceof WaiterLine)) return waiting;
  waiting.remove(waiter);
  return waiting.isEmpty ? undefined : waiting;
}

/** Waitables of which a guest waits for the next event, oldest events first. */
export class WaitableSet implements HeldByGuest {
  #members = 0;
  /** The last of those that have events, which are linked as a ring: most sets have few members and live as long as one call. */
  #last: Waitable | undefined = undefined;
  /** The threads that wait, those that wait in a built-in and those whose callbacks wait. */
  #blocked: Waiting = undefined;
  #callbacks: Waiting = undefined;

  get hostBytes(): number {
    return WAITABLE_SET_BYTES;
  }

  get hasEvent(): boolean {
    return this.#last !== undefined;
  }

  get isEmpty(): boolean {
    return this.#members === 0;
  }

  /** Whether a thread waits. */
  get isAwaited(): boolean {
    return this.#blocked !== undefined || this.#callbacks !== undefined;
  }

  /**
   * Wakes a thread at an event, until `forget`.
   * @param isCallback whether it also needs the instance for itself, so that others may go on before it
   */
  await(waiter: Waiter, isCallback: boolean): void {
    if (isCallback) this.#callbacks = joined(this.#callbacks, waiter);
    else this.#blocked = joined(this.#blocked, waiter);
  }

  /** The thread has taken an event, or no longer wants one. Where there are more events, the next thread is woken. */
  forget(waiter: Waiter): void {
    this.#blocked = left(this.#blocked, waiter);
    this.#callbacks = left(this.#callbacks, waiter);
    if (this.hasEvent) this.wake();
  }

  add(waitable: Waitable): void {
    this.#members += 1;
    if (waitable.hasEvent) this.happened(waitable);
  }

  remove(waitable: Waitable): void {
    this.#members -= 1;
    if (waitable.hasEvent) this.delivered(waitable);
  }

  /** A member has an event and had none before. */
  happened(waitable: Waitable): void {
    const last = this.#last ?? waitable;
    const first = last.behind ?? waitable;
    waitable.before = last;
    waitable.behind = first;
    last.behind = waitable;
    first.before = waitable;
    this.#last = waitable;
    this.wake();
  }

  /** Wakes the first thread of each line, which wakes the next when it goes: waking all would be work that the guest need not pay for. */
  wake(): void {
    this.#blocked?.wake();
    this.#callbacks?.wake();
  }

  /** A member that had an event has none any more. */
  delivered(waitable: Waitable): void {
    const { before, behind } = waitable as { before: Waitable; behind: Waitable };
    before.behind = behind;
    behind.before = before;
    if (this.#last === waitable) this.#last = before === waitable ? undefined : before;
    waitable.before = undefined;
    waitable.behind = undefined;
  }

  /** Delivers the oldest event. Call it only where there is one. */
  takeEvent(): TaskEvent {
    const { behind: first } = this.#last as Waitable;
    return (first as Waitable).takeEvent();
  }
}

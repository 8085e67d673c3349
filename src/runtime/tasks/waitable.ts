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

/** Something that a guest waits for: a subtask, or an end of a stream or future. It has at most one event that was not delivered. */
export class Waitable {
  #event: (() => TaskEvent) | undefined;
  #set: WaitableSet | undefined;
  /** Called when an event is there, while a synchronous built-in waits for it. Such a waitable can join no set. */
  syncWaiter: (() => void) | undefined;

  get hasEvent(): boolean {
    return this.#event !== undefined;
  }

  get isInSet(): boolean {
    return this.#set !== undefined;
  }

  /** @param event says what happened, and is called when the event is delivered; it replaces an earlier one */
  setEvent(event: () => TaskEvent): void {
    this.#event = event;
    this.#set?.happened(this);
    this.syncWaiter?.();
  }

  /** Delivers the event. Call it only where there is one. */
  takeEvent(): TaskEvent {
    const event = this.#event as () => TaskEvent;
    this.#event = undefined;
    this.#set?.delivered(this);
    return event();
  }

  join(set: WaitableSet | undefined): void {
    this.#set?.remove(this);
    this.#set = set;
    set?.add(this);
  }
}

/** Waitables of which a guest waits for the next event, oldest events first. */
export class WaitableSet {
  readonly #members = new Set<Waitable>();
  readonly #ready = new Set<Waitable>();
  /** What to wake when an event is there: one for each thread that waits. */
  readonly waiters = new Set<() => void>();

  get hasEvent(): boolean {
    return this.#ready.size > 0;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  add(waitable: Waitable): void {
    this.#members.add(waitable);
    if (waitable.hasEvent) this.happened(waitable);
  }

  remove(waitable: Waitable): void {
    this.#members.delete(waitable);
    this.#ready.delete(waitable);
  }

  happened(waitable: Waitable): void {
    this.#ready.add(waitable);
    for (const wake of this.waiters) wake();
  }

  delivered(waitable: Waitable): void {
    this.#ready.delete(waitable);
  }

  /** Delivers the oldest event. Call it only where there is one. */
  takeEvent(): TaskEvent {
    const [first] = this.#ready;
    return (first as Waitable).takeEvent();
  }
}

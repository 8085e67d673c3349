import {
  type ComponentHandle,
  type ComponentId,
  checkComponentId,
  createHandle,
  formatComponentId,
  HOST_ID,
} from '#core';
import type { VivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { MessagingAuthority } from '#core/ports/messaging';
import type { Random } from '#core/ports/random';
import type { Supervisor } from '#core/ports/supervisor';
import { ActorCell, type CellOwner, type TurnRunner } from './actor-cell.ts';
import { MessageCounters } from './counters.ts';
import { type DeadLetter, type DeadLetterOptions, DeadLetters } from './dead-letters.ts';
import { Delivery, type MessageFields, notFound } from './delivery.ts';
import { Dispatcher, type DispatcherOptions, type RunQueue } from './dispatcher.ts';
import { MessagingError } from './errors.ts';
import { type EventLoop, KeepAlive, nodeEventLoop } from './event-loop.ts';
import { HostTask, type HostWork, WorkTask } from './host-task.ts';
import type { MailboxOptions } from './mailbox.ts';
import { Requests } from './requests.ts';
import { Topics } from './topics.ts';
import { Turns } from './turns.ts';

/** The options of messaging that an embedder may set. */
export interface MessagingOptions {
  readonly deadLetters?: DeadLetterOptions | undefined;
  readonly dispatcher?: DispatcherOptions | undefined;
  /** Milliseconds for a request without a timeout of its own; 5,000 by default. */
  readonly requestTimeoutMs?: number | undefined;
  /** The most messages in a chain in which each caused the next; 1,000 by default. */
  readonly maxHops?: number | undefined;
  /** The most open requests of one actor; 1,000 by default. */
  readonly maxOpenRequests?: number | undefined;
  /** The most topics of one actor; 1,000 by default. */
  readonly maxTopics?: number | undefined;
}

export interface RouterOptions extends MessagingOptions {
  readonly engine: TurnRunner;
  readonly clock: Clock;
  readonly random: Random;
  /** Is notified of each turn that failed in another way than by the guest's own `result`. */
  readonly supervisor?: Supervisor | undefined;
  readonly authority?: MessagingAuthority | undefined;
  readonly onDeadLetter?: ((letter: DeadLetter) => void) | undefined;
  readonly loop?: EventLoop | undefined;
  readonly runQueue?: RunQueue | undefined;
  /** Whether host functions that send messages run in a context of their own, which the messages keep. */
  readonly isTraced?: boolean | undefined;
}

export interface ActorOptions {
  readonly mailbox?: MailboxOptions | undefined;
  /**
   * How many turns may begin with one message, with restarts between them, before it becomes a dead letter; 1 by
   * default.
   */
  readonly maxAttempts?: number | undefined;
  /** Messages wait until `resume`, because the actor is still being initialised. */
  readonly suspended?: boolean | undefined;
}

/**
 * The actors of a runtime with their mailboxes and turns. Hosts and guests use it through `HostMessaging` and
 * `GuestMessaging`.
 */
export class Router implements CellOwner {
  readonly clock: Clock;
  readonly counters: MessageCounters = new MessageCounters();
  readonly deadLetters: DeadLetters;
  readonly requests: Requests;
  readonly delivery: Delivery;
  readonly topics: Topics;
  readonly authority: MessagingAuthority | undefined;
  readonly requestTimeoutMs: number;
  /** The runtime is being closed, so the embedder's messages are refused. */
  closing = false;
  readonly #engine: TurnRunner;
  readonly #maxOpenRequests: number;
  readonly #dispatcher: Dispatcher;
  readonly keepAlive: KeepAlive;
  readonly #byKey = new Map<string, ActorCell>();
  readonly #listeners = new Set<ActorCell>();
  /** By the object that `createHandle` made, so that a copy of a handle reaches nobody. */
  readonly #byHandle = new Map<ComponentHandle, ActorCell>();

  constructor(options: RouterOptions) {
    const { clock, random, maxHops = 1_000 } = options;
    this.clock = clock;
    this.authority = options.authority;
    this.requestTimeoutMs = options.requestTimeoutMs ?? 5_000;
    this.#engine = options.engine;
    this.#maxOpenRequests = options.maxOpenRequests ?? 1_000;
    this.topics = new Topics(options.maxTopics ?? 1_000);
    this.deadLetters = new DeadLetters(clock, this.counters, options.deadLetters, options.onDeadLetter);
    const { loop = nodeEventLoop, dispatcher: shares, runQueue } = options;
    this.keepAlive = new KeepAlive(loop);
    this.requests = new Requests(clock, random, this.counters, this.keepAlive);
    this.#dispatcher = new Dispatcher(
      clock,
      loop,
      (cell, now, ambient) => turns.run(cell, now, ambient),
      shares,
      runQueue,
    );
    this.delivery = new Delivery({
      clock,
      dispatcher: this.#dispatcher,
      deadLetters: this.deadLetters,
      counters: this.counters,
      maxHops,
      isTraced: options.isTraced === true,
    });
    this.delivery.giveUp = this.requests.fail.bind(this.requests);
    const turns = new Turns({
      clock,
      requests: this.requests,
      delivery: this.delivery,
      deadLetters: this.deadLetters,
      counters: this.counters,
      supervisor: options.supervisor,
      resume: (cell) => this.ready(cell),
    });
  }

  /** Gives an actor its mailbox. @throws {MessagingError} `MESSAGING_INVALID` when its id is taken */
  add(handle: ComponentHandle, options: ActorOptions = {}): void {
    const { mailbox, maxAttempts = 1, suspended = false } = options;
    const cell = new ActorCell(this, handle, {
      mailbox,
      runner: this.#engine,
      supervised: true,
      maxAttempts,
      maxOpenRequests: this.#maxOpenRequests,
    });
    if (this.#byKey.has(cell.key)) {
      throw new MessagingError('MESSAGING_INVALID', `${cell.key} has a mailbox already; unload it first`);
    }
    cell.suspended = suspended;
    this.#byKey.set(cell.key, cell);
    this.#byHandle.set(handle, cell);
  }

  /** Makes a cell for a topic listener of the embedder. No id names it. */
  addListener(runner: TurnRunner, mailbox: MailboxOptions | undefined): ActorCell {
    const cell = new ActorCell(this, createHandle(HOST_ID), {
      mailbox,
      runner,
      supervised: false,
      maxAttempts: 1,
      maxOpenRequests: 0,
    });
    this.#listeners.add(cell);
    return cell;
  }

  /** @throws {MessagingError} `MESSAGING_TARGET_NOT_FOUND` */
  byHandle(handle: ComponentHandle): ActorCell {
    const cell = this.find(handle);
    if (cell === undefined) throw notFound(formatComponentId(handle.id));
    return cell;
  }

  find(handle: ComponentHandle): ActorCell | undefined {
    return this.#byHandle.get(handle);
  }

  /** @throws {MessagingError} `MESSAGING_TARGET_NOT_FOUND`; `CORE_INVALID_ID` if the parts do not form an id */
  byId(id: ComponentId): ActorCell {
    // A key that is found needs no validation: known ids have exactly two slashes, and a part with a slash would add to
    // them.
    const short = id.namespace.length < 64 && id.name.length < 64 && id.instance.length < 64;
    const cell = short ? this.#byKey.get(formatComponentId(id)) : undefined;
    if (cell === undefined) throw notFound(formatComponentId(checkComponentId(id)));
    return cell;
  }

  /**
   * Puts a message into every subscriber's mailbox. Returns how many accepted it; the other copies become dead letters.
   */
  publish(
    sender: ComponentId,
    from: ActorCell | undefined,
    topic: string,
    payload: Uint8Array,
    fields: MessageFields | undefined,
  ): number {
    let taken = 0;
    for (const cell of this.topics.subscribers(topic)) {
      const envelope = this.delivery.message(sender, from, payload, fields, undefined, topic);
      if (this.delivery.postOrBury(cell, envelope)) taken += 1;
    }
    return taken;
  }

  /**
   * Stops the actor from beginning turns; its messages wait. Its open requests are given up, because a new instance
   * knows nothing about them.
   */
  suspend(handle: ComponentHandle): void {
    const cell = this.#byHandle.get(handle);
    if (cell === undefined) return;
    cell.suspended = true;
    cell.incarnation += 1;
    this.#cancelRequestsOf(cell);
  }

  /** Lets an actor run again. */
  ready(cell: ActorCell): void {
    this.#dispatcher.ready(cell);
  }

  resume(handle: ComponentHandle): void {
    const cell = this.#byHandle.get(handle);
    if (cell === undefined) return;
    cell.suspended = false;
    this.#dispatcher.ready(cell);
  }

  /** Refuses the embedder's messages for an actor that has failed and that nobody restarts. */
  markFailed(handle: ComponentHandle): void {
    const cell = this.#byHandle.get(handle);
    if (cell !== undefined) cell.failed = true;
  }

  /** From now on, so many messages, and tasks that may run side by side, do so. */
  interleave(handle: ComponentHandle, concurrency: number): void {
    const cell = this.byHandle(handle);
    cell.concurrency = concurrency;
    this.#dispatcher.ready(cell);
  }

  /**
   * Does work of the host in a turn of the actor, before all waiting messages; work that joins others of an actor with several places,
   * in the order of arrival. A `HostTask` is run once.
   */
  runTask<T>(handle: ComponentHandle, work: HostWork<T>): Promise<T> {
    return new Promise((resolve) => {
      const task = work instanceof HostTask ? work : new WorkTask(work);
      this.push(handle, task, resolve as (outcome: unknown) => void);
    });
  }

  /** As `runTask`, for a task that is told itself how it ends. @throws {MessagingError} `MESSAGING_TARGET_NOT_FOUND` */
  push(handle: ComponentHandle, task: HostTask, resolve?: (outcome: unknown) => void): void {
    const cell = this.byHandle(handle);
    task.arrive(cell, resolve);
    cell.mailbox.pushTask(task);
    this.#dispatcher.readyIn(cell, task.context);
  }

  /**
   * Runs `swap` between two turns of the actor, whose next turn is another version's.
   * @param goOnBeside whether it runs at once instead, because turns that run go on beside those of the other version
   * @throws what `swap` throws
   */
  async swap(handle: ComponentHandle, swap: () => void, goOnBeside = false): Promise<void> {
    const run = (): void => {
      swap();
      this.byHandle(handle).forgetRunner();
    };
    if (goOnBeside) run();
    else await this.runTask(handle, { run });
  }

  /** What waits for the actor. */
  waiting(handle: ComponentHandle): { readonly messages: number; readonly bytes: number } {
    const { mailbox } = this.byHandle(handle);
    return { messages: mailbox.size, bytes: mailbox.bytes };
  }

  /** Keeps the process alive until a promise is settled. */
  keepingAlive<T>(running: Promise<T>): Promise<T> {
    const end = (): void => this.keepAlive.end();
    this.keepAlive.begin();
    // A promise around it would be three more, and nobody needs to know when the process may end.
    running.then(end, end);
    return running;
  }

  /**
   * Refuses new messages for the actor, and waits until its messages are handled and its requests have ended. Returns
   * whether this happened in time.
   */
  drain(handle: ComponentHandle, timeoutMs: number): Promise<boolean> {
    const cell = this.byHandle(handle);
    if (cell.state === 'open') cell.state = 'draining';
    return this.#whenIdle(cell, timeoutMs);
  }

  /**
   * Refuses new messages from the embedder, and waits until no message is queued or handled anywhere and no request is
   * open. Actors may still send to each other. Returns whether this happened in time.
   */
  async drainAll(timeoutMs: number): Promise<boolean> {
    this.closing = true;
    const ends = this.clock.monotonic() + timeoutMs;
    while (this.counters.inFlight > 0 || this.counters.openRequests > 0) {
      const busy = [...this.#byKey.values(), ...this.#listeners].find((cell) => !cell.isIdle);
      const left = ends - this.clock.monotonic();
      if (busy === undefined || left <= 0 || !(await this.#whenIdle(busy, left))) return this.counters.inFlight === 0;
    }
    return true;
  }

  /**
   * Refuses new messages for the actor and begins no more turns. Messages that the actor sends during its shutdown are
   * still delivered.
   */
  retire(handle: ComponentHandle, reason?: VivariumError): void {
    const cell = this.#byHandle.get(handle);
    if (cell === undefined) return;
    cell.state = 'draining';
    cell.leavingBecause = reason;
    cell.suspended = true;
  }

  /** Ends the actor: its waiting messages become dead letters, and requests to it and by it end. */
  remove(handle: ComponentHandle, reason?: VivariumError): void {
    const cell = this.#byHandle.get(handle);
    if (cell === undefined) return;
    this.#byHandle.delete(handle);
    this.#byKey.delete(cell.key);
    this.dispose(cell, reason ?? notFound(cell.key));
  }

  dispose(cell: ActorCell, error: VivariumError): void {
    cell.state = 'removed';
    this.#listeners.delete(cell);
    this.topics.unsubscribeAll(cell);
    this.#cancelRequestsOf(cell);
    for (let task = cell.mailbox.shiftTask(); task !== undefined; task = cell.mailbox.shiftTask()) task.refuse(error);
    for (const running of cell.leaveTurns()) this.#bury(cell, running, error);
    for (let next = cell.mailbox.shift(); next !== undefined; next = cell.mailbox.shift())
      this.#bury(cell, next, error);
    for (let next = cell.waiting.shift(); next !== undefined; next = cell.waiting.shift()) {
      this.counters.refused += 1;
      next.refused(error);
    }
    cell.noticeIdle();
  }

  close(reason: VivariumError): void {
    this.closing = true;
    for (const handle of [...this.#byHandle.keys()]) this.remove(handle, reason);
    for (const cell of [...this.#listeners]) this.dispose(cell, reason);
    this.requests.close();
  }

  #bury(cell: ActorCell, envelope: NonNullable<ActorCell['current']>, error: VivariumError): void {
    this.deadLetters.add(cell.id, envelope, 'removed', error);
    if (envelope.request !== undefined && envelope.kind === 'message') this.requests.fail(envelope.request, error);
  }

  #cancelRequestsOf(cell: ActorCell): void {
    for (const request of cell.openRequests.all()) this.requests.cancel(request);
  }

  #whenIdle(cell: ActorCell, timeoutMs: number): Promise<boolean> {
    this.keepAlive.begin();
    return new Promise<boolean>((resolve) => {
      const stop = this.clock.after(timeoutMs, () => resolve(false));
      cell.whenIdle(() => {
        stop();
        resolve(cell.state !== 'removed');
      });
    }).finally(() => this.keepAlive.end());
  }
}

import { type ComponentHandle, type ComponentId, formatComponentId } from '#core';
import type { VivariumError } from '#core/errors';
import type { OutgoingMessage } from '#core/messages';
import type { MessageTurn } from '#core/ports/engine';
import type { Lane } from '#core/ports/lane';
import { RingBuffer } from '#core/queue';
import type { AsciiText } from '#core/text';
import { type AsyncContext, WheelTimer } from '#core/waiting';
import { type Begun, BesideTurns } from './beside-turns.ts';
import type { KeepAlive } from './event-loop.ts';
import type { TaskActor } from './host-task.ts';
import { Mailbox, type MailboxOptions, type Queued } from './mailbox.ts';
import { OpenRequests } from './open-requests.ts';

/** Bytes that each queued message counts in addition to its payload, so that empty messages are not free. */
const OVERHEAD_BYTES = 64;

export type EnvelopeKind = 'message' | 'callback';

/** A message in a mailbox: what the guest will see, and what the host records about it. */
export class Envelope implements OutgoingMessage, Queued<Envelope> {
  readonly sender: ComponentId;
  readonly payload: Uint8Array;
  readonly metadata: OutgoingMessage['metadata'];
  readonly kind: EnvelopeKind;
  /** The request that the turn's result answers; for a callback, the request whose end it reports. */
  readonly request: PendingRequest | undefined;
  /** The number of messages that led to this one, each caused by the one before. */
  readonly hops: number;
  /** The bytes that the message counts in a mailbox. */
  readonly weight: number;
  /**
   * The context in which the message was sent. Its turn runs in it, and so does the embedder's code that the turn
   * calls.
   */
  readonly context: AsyncContext;
  /** How many turns have begun with this message. */
  attempts = 0;
  /** Whether its turn has answered and goes on. */
  isAnswered = false;
  next: Envelope | undefined = undefined;
  arrival = 0;

  // One is made for each message: a literal of options costs the benchmark `messages` an object for each.
  constructor(
    kind: EnvelopeKind,
    sender: ComponentId,
    payload: Uint8Array,
    metadata: OutgoingMessage['metadata'],
    request: PendingRequest | undefined,
    hops: number,
    context: AsyncContext,
  ) {
    this.kind = kind;
    this.sender = sender;
    this.payload = payload;
    this.metadata = metadata;
    this.request = request;
    this.hops = hops;
    this.context = context;
    this.weight = payload.length + OVERHEAD_BYTES;
  }
}

/** How a request ended. A request ends exactly once. */
export type RequestEnd = 'answered' | 'timed-out' | 'cancelled' | 'failed';

/** Is notified when a request's deadline has passed. */
export interface RequestOwner {
  expired(request: PendingRequest): void;
  /** Ends a request whose asker no longer wants the answer. */
  cancel(request: PendingRequest): void;
}

/** The actor that made a request, and its state at that time. */
export interface Asker {
  readonly cell: ActorCell;
  /** The turn that made the request. While that turn still runs, it waits for the answer. */
  readonly madeIn: Envelope | undefined;
  /** The asker's incarnation when it asked, because only the same instance may get the answer. */
  readonly incarnation: number;
  /** Whether the asker's turn is suspended until the request ends. */
  readonly suspendsTurn: boolean;
}

/** An open request. It ends exactly once. */
export abstract class PendingRequest extends WheelTimer {
  readonly correlationId: AsciiText;
  /** Undefined when the host made the request. */
  readonly asker: Asker | undefined;
  readonly target: ActorCell;
  readonly timeoutMs: number;
  /**
   * When the request was opened, on the clock's monotonic scale. An answer after `timeoutMs` is late even if no timer
   * has fired yet.
   */
  readonly begun: number;
  end: RequestEnd | undefined = undefined;
  readonly #owner: RequestOwner;

  // One is made for each request: a literal of options costs the benchmark `messages` an object for each.
  constructor(
    owner: RequestOwner,
    correlationId: AsciiText,
    asker: Asker | undefined,
    target: ActorCell,
    timeoutMs: number,
    begun: number,
  ) {
    super();
    this.#owner = owner;
    this.correlationId = correlationId;
    this.asker = asker;
    this.target = target;
    this.timeoutMs = timeoutMs;
    this.begun = begun;
  }

  /** The actor that made the request. */
  get from(): ActorCell | undefined {
    return this.asker?.cell;
  }

  /** The hops of the request's message: one more than those of the message whose turn asked. */
  get hops(): number {
    const madeIn = this.asker?.madeIn;
    return madeIn === undefined ? 0 : madeIn.hops + 1;
  }

  expire(): void {
    this.#owner.expired(this);
  }

  /** Its asker waits for it no longer. Nothing happens where it has ended. */
  giveUp(): void {
    this.#owner.cancel(this);
  }

  /** The context in which the asking turn runs. */
  get context(): AsyncContext {
    return this.asker?.madeIn?.context;
  }

  /** Passes the answer to the asker. */
  abstract answer(payload: Uint8Array | undefined): void;
  /** Passes the failure to the asker. */
  abstract fail(error: unknown): void;
}

/** Runs an actor's turns: the engine, or a listener of the embedder. */
export interface TurnRunner {
  /**
   * @param now the reading of the router's clock just before the call
   * @param answered told the reply of a turn that goes on after it
   */
  callHandleMessage(
    handle: ComponentHandle,
    message: OutgoingMessage,
    now?: number,
    answered?: (reply: Uint8Array | undefined) => void,
  ): MessageTurn<Uint8Array | undefined>;
  /** Whether turns may answer before they end. */
  readonly answersEarly?: boolean | undefined;
  callHandleCallback(handle: ComponentHandle, message: OutgoingMessage, now?: number): MessageTurn<void>;
  /** The embedder no longer wants the answer of the message's turn, which runs. Returns whether this ends the turn. */
  giveUpTurn?(handle: ComponentHandle, reason: VivariumError, message: OutgoingMessage): boolean;
  /** When the last turn ended on the router's clock, if the runner has read the clock anyway. */
  readonly endedAt?: number | undefined;
  /**
   * Returns the runner for one actor, which saves a look-up in each turn. It is called once, at the actor's first turn.
   */
  runnerOf?(handle: ComponentHandle): TurnRunner;
}

/**
 * `open`: accepts messages. `draining`: finishes the messages that it has. `removed`: is gone, and every sender gets an
 * error.
 */
export type CellState = 'open' | 'draining' | 'removed';

/** A message whose sender waits for space in the mailbox. */
export interface WaitingSend {
  readonly envelope: Envelope;
  admitted(): void;
  refused(error: unknown): void;
}

/**
 * The turn that the thread runs, if any. It is not a field of the actor's cell: the garbage collector records every
 * write to a long-lived object, and with a thousand actors these records cost cache lines too.
 */
const running: { cell: ActorCell | undefined; envelope: Envelope | undefined } = {
  cell: undefined,
  envelope: undefined,
};

/**
 * The message of the running turn as a lane of the thread, so that messages which the guest sends name it as their
 * cause.
 */
export const messageLane: Lane = {
  isOfCall: true,
  park() {
    const { cell, envelope } = running;
    cell?.suspendTurn();
    return cell === undefined ? undefined : new Parked(cell, envelope);
  },
  resume(parked) {
    running.cell?.suspendTurn();
    if (parked instanceof Parked) parked.cell.resumeTurn(parked.envelope);
  },
};

class Parked {
  readonly cell: ActorCell;
  readonly envelope: Envelope | undefined;

  constructor(cell: ActorCell, envelope: Envelope | undefined) {
    this.cell = cell;
    this.envelope = envelope;
  }
}

/** What a cell needs of the router that owns it. */
export interface CellOwner {
  readonly keepAlive: KeepAlive;
  /** Lets an actor run again. */
  ready(cell: ActorCell): void;
}

export interface CellOptions {
  readonly mailbox: MailboxOptions | undefined;
  readonly runner: TurnRunner;
  /** Whether the supervisor is notified of failures. A listener of the embedder has no supervisor. */
  readonly supervised: boolean;
  /** How many turns may begin with one message before it counts as poison. */
  readonly maxAttempts: number;
  readonly maxOpenRequests: number;
}

/**
 * Everything that messaging knows about one actor, including its mailbox. Only this folder changes the fields. The
 * fields that every message uses come first, because with very many actors cache lines dominate the cost.
 */
export class ActorCell extends Mailbox<Envelope> implements TaskActor {
  /** The router that owns the cell. A handle may be shown to the wrong router. */
  readonly router: CellOwner;
  readonly handle: ComponentHandle;
  state: CellState = 'open';
  /** The error for senders when the actor is ended for a special reason. */
  leavingBecause: VivariumError | undefined = undefined;
  /** No turn begins, because the actor is not initialised yet, has failed, or is being restarted. */
  suspended = false;
  /** Whether the actor is in the dispatcher's queue. */
  queued = false;
  /** Whether a turn of the actor has begun and not ended, beside which no other runs. */
  busy = false;
  /** How many tasks and messages have begun and not ended that run side by side, and how many of them may. */
  beside = 0;
  concurrency = 1;
  /** The instance is gone and nobody will restart it, so the embedder's messages are refused. */
  failed = false;
  /** The message whose turn is suspended, or has another turn nested in it. */
  #suspended: Envelope | undefined = undefined;
  /** The messages whose turns run side by side. */
  #besides: BesideTurns<Envelope> | undefined = undefined;
  #runner: TurnRunner;
  readonly #runners: TurnRunner;
  #isOwnRunner = false;
  #whenIdle: (() => void)[] | undefined;
  #waiting: RingBuffer<WaitingSend> | undefined;
  readonly key: string;
  readonly supervised: boolean;
  readonly maxAttempts: number;
  readonly maxOpenRequests: number;
  /** The number of restarts. An answer to a request of an earlier instance is not delivered to this one. */
  incarnation = 0;
  // Allocated on first use, because there may be very many actors and most have none of these.
  #openRequests: OpenRequests<PendingRequest> | undefined;
  #topics: Set<string> | undefined;

  constructor(router: CellOwner, handle: ComponentHandle, options: CellOptions) {
    const { mailbox, runner, supervised, maxAttempts, maxOpenRequests } = options;
    super(mailbox);
    this.router = router;
    this.handle = handle;
    this.key = formatComponentId(handle.id);
    this.#runner = runner;
    this.#runners = runner;
    this.supervised = supervised;
    this.maxAttempts = maxAttempts;
    this.maxOpenRequests = maxOpenRequests;
  }

  get mailbox(): Mailbox<Envelope> {
    return this;
  }

  get keepAlive(): KeepAlive {
    return this.router.keepAlive;
  }

  ready(): void {
    this.router.ready(this);
  }

  /** The message for which guest code runs; where one turn runs at a time, also while it is suspended. */
  get current(): Envelope | undefined {
    return running.cell === this ? running.envelope : this.#suspended;
  }

  /** Whether a message's turn has begun, and has neither ended nor been taken away. */
  runs(envelope: Envelope): boolean {
    return this.current === envelope || this.#besides?.has(envelope) === true;
  }

  /** The message of a turn that runs and will answer the request. */
  turnOf(request: PendingRequest): Envelope | undefined {
    const { current } = this;
    return current?.request === request ? current : this.#besides?.find(request);
  }

  beginTurn(envelope: Envelope): void {
    if (running.cell !== undefined) running.cell.suspendTurn();
    running.cell = this;
    running.envelope = envelope;
    if (this.concurrency === 1) this.busy = true;
    else {
      this.beside += 1;
      this.#besides ??= new BesideTurns();
      this.#besides.begin(envelope, this.incarnation);
    }
  }

  /** Records that the turn is suspended and will go on later. */
  suspendTurn(): void {
    if (running.cell !== this) return;
    const { envelope } = running;
    if (envelope === undefined || this.#besides?.has(envelope) !== true) this.#suspended = envelope;
    running.cell = undefined;
    running.envelope = undefined;
  }

  /**
   * Records that a suspended turn goes on. The turn stays ended if the actor was removed, or the turn given up,
   * meanwhile.
   */
  resumeTurn(envelope: Envelope | undefined): void {
    if (envelope === undefined) return;
    if (this.#suspended === envelope) this.#suspended = undefined;
    else if (this.#besides?.has(envelope) !== true) return;
    running.cell = this;
    running.envelope = envelope;
  }

  /** Ends a turn. Answers when it has begun, if it ran beside others. */
  endTurn(envelope: Envelope): Begun | undefined {
    const begun = this.#besides?.end(envelope);
    if (begun === undefined) {
      this.busy = false;
      this.#leave();
      return undefined;
    }
    this.beside -= 1;
    if (running.envelope === envelope) this.#leave();
    return begun;
  }

  /**
   * Puts a message back whose turn has ended with the instance, so that it begins again, in the order in which those that ran side by
   * side have begun.
   */
  beginAgain(envelope: Envelope, begun: Begun | undefined): void {
    if (begun === undefined) this.putBack(envelope);
    else this.#besides?.keep(envelope, begun);
  }

  /** Puts messages back that waited for the last turn of their instance to end. */
  noticeFormer(): void {
    if (this.#besides === undefined) return;
    for (const envelope of this.#besides.again(this.incarnation)) this.putBack(envelope);
  }

  /** Takes all turns away from the actor, which may still be running. Answers their messages. */
  leaveTurns(): readonly Envelope[] {
    const { current } = this;
    const besides = this.#besides?.takeAll() ?? [];
    this.beside = 0;
    this.#leave();
    return current === undefined || besides.includes(current) ? besides : [current, ...besides];
  }

  /** The messages of all turns that run, where those are all that does. */
  get allBesides(): Iterable<Envelope> | undefined {
    return this.#besides?.size === this.beside ? this.#besides.running() : undefined;
  }

  #leave(): void {
    if (running.cell === this) {
      running.cell = undefined;
      running.envelope = undefined;
    } else this.#suspended = undefined;
  }

  get id(): ComponentId {
    return this.handle.id;
  }

  /** The runner of the actor's turns. It is asked for at a turn, because the actor is certainly loaded then. */
  get runner(): TurnRunner {
    if (!this.#isOwnRunner) {
      this.#isOwnRunner = true;
      this.#runner = this.#runners.runnerOf?.(this.handle) ?? this.#runners;
    }
    return this.#runner;
  }

  /** Another version of the component takes the next turn. */
  forgetRunner(): void {
    this.#isOwnRunner = false;
  }

  /** This actor's requests by correlation id. No other actor can name them, and nobody those that suspend a turn. */
  get openRequests(): OpenRequests<PendingRequest> {
    this.#openRequests ??= new OpenRequests();
    return this.#openRequests;
  }

  get hasOpenRequests(): boolean {
    return this.#openRequests !== undefined && this.#openRequests.size > 0;
  }

  get topics(): Set<string> {
    this.#topics ??= new Set();
    return this.#topics;
  }

  /** Sends that wait for space in the mailbox. */
  get waiting(): RingBuffer<WaitingSend> {
    this.#waiting ??= new RingBuffer();
    return this.#waiting;
  }

  get isAwaited(): boolean {
    return this.#waiting !== undefined && this.#waiting.size > 0;
  }

  get isRunnable(): boolean {
    if (this.busy || this.suspended || this.isEmpty) return false;
    if (this.beside === 0) return true;
    return this.beside < this.concurrency && this.nextJoins && this.#besides?.hasFormer(this.incarnation) !== true;
  }

  get isIdle(): boolean {
    return !this.busy && this.beside === 0 && this.isEmpty && !this.hasOpenRequests && !this.isAwaited;
  }

  /** Calls `task` once, when the actor has nothing left to do. */
  whenIdle(task: () => void): void {
    this.#whenIdle ??= [];
    this.#whenIdle.push(task);
    this.noticeIdle();
  }

  /** Call this after anything that may have been the actor's last work. */
  noticeIdle(): void {
    if (this.#whenIdle === undefined || !this.isIdle) return;
    const tasks = this.#whenIdle;
    this.#whenIdle = undefined;
    for (const task of tasks) task();
  }
}

import { type ComponentHandle, type ComponentId, formatComponentId } from '#core';
import type { VivariumError } from '#core/errors';
import type { OutgoingMessage } from '#core/messages';
import type { Turn } from '#core/ports/engine';
import type { Lane } from '#core/ports/lane';
import type { AsciiText } from '#core/text';
import type { AsyncContext } from '#core/waiting';
import { Mailbox, type MailboxOptions, type Queued } from './mailbox.ts';
import { RingBuffer } from './ring-buffer.ts';
import { WheelTimer } from './timer-wheel.ts';

/** Counted for every queued message beside its payload, so that empty messages are not free. */
const OVERHEAD_BYTES = 64;

export type EnvelopeKind = 'message' | 'callback';

/** A message in a mailbox: what the guest will see, and what the host keeps beside it. */
export class Envelope implements OutgoingMessage, Queued<Envelope> {
  readonly sender: ComponentId;
  readonly payload: Uint8Array;
  readonly metadata: OutgoingMessage['metadata'];
  readonly kind: EnvelopeKind;
  /** The request that waits for what the turn gives back; for a callback, the request that it ends. */
  readonly request: PendingRequest | undefined;
  /** How many turns led to this message, one caused by the other. */
  readonly hops: number;
  /** What the message counts in a mailbox's bytes. */
  readonly weight: number;
  /** Where it was sent: its turn, and what that calls of the embedder's, runs there. */
  readonly context: AsyncContext;
  /** How often a turn has begun with it. */
  attempts = 0;
  next: Envelope | undefined = undefined;

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

/** How a request ended. It does so once. */
export type RequestEnd = 'answered' | 'timed-out' | 'cancelled' | 'failed';

/** Who is told when a request's deadline has passed. */
export interface RequestOwner {
  expired(request: PendingRequest): void;
}

/** Who asked, where it is an actor, and in what state it was then. */
export interface Asker {
  readonly cell: ActorCell;
  /** The turn in which it asked: while that one is still running, it waits for the request. */
  readonly madeIn: Envelope | undefined;
  /** Of the asker when it asked: an answer is for the same instance alone. */
  readonly incarnation: number;
  /** The asker's turn cannot go on before the end. */
  readonly suspendsTurn: boolean;
}

/** A request that waits for its one end. */
export abstract class PendingRequest extends WheelTimer {
  readonly correlationId: AsciiText;
  /** Undefined for the host. */
  readonly asker: Asker | undefined;
  readonly target: ActorCell;
  readonly timeoutMs: number;
  /** When it was opened, on the clock's monotonic scale; `timeoutMs` later an answer is late, timer or not. */
  readonly begun: number;
  end: RequestEnd | undefined = undefined;
  readonly #owner: RequestOwner;

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

  /** The actor that asked. */
  get from(): ActorCell | undefined {
    return this.asker?.cell;
  }

  /** Of the message that asks: one more than of the message whose turn asked. */
  get hops(): number {
    const madeIn = this.asker?.madeIn;
    return madeIn === undefined ? 0 : madeIn.hops + 1;
  }

  expire(): void {
    this.#owner.expired(this);
  }

  /** Where the turn that asked runs. */
  get context(): AsyncContext {
    return this.asker?.madeIn?.context;
  }

  /** Hands the answer to who asked. */
  abstract answer(payload: Uint8Array | undefined): void;
  /** Hands the failure to who asked. */
  abstract fail(error: unknown): void;
}

/** What a turn is, for an actor: the engine's call, or a listener's. */
export interface TurnRunner {
  /** @param now the router's clock, read just before */
  callHandleMessage(handle: ComponentHandle, message: OutgoingMessage, now?: number): Turn<Uint8Array | undefined>;
  callHandleCallback(handle: ComponentHandle, message: OutgoingMessage, now?: number): Turn<void>;
  /** The embedder does not want the answer of the turn that runs any more. Answers whether that ends the turn. */
  giveUpTurn?(handle: ComponentHandle, reason: VivariumError): boolean;
  /** When the last turn ended by the router's clock, where the runner has read it anyway. */
  readonly endedAt?: number | undefined;
  /** The same for one actor alone, which spares a search at each turn; asked once, at the actor's first turn. */
  runnerOf?(handle: ComponentHandle): TurnRunner;
}

/** `open`: takes messages. `draining`: finishes what it has. `removed`: gone, and every sender is told. */
export type CellState = 'open' | 'draining' | 'removed';

/** A message whose sender waits for room. */
export interface WaitingSend {
  readonly envelope: Envelope;
  admitted(): void;
  refused(error: unknown): void;
}

/**
 * The turn that the thread runs, if any. It is not kept in the actor's cell: what is written into an object that lives
 * long is noted for the garbage collector, and with a thousand actors those notes are cache lines too.
 */
const running: { cell: ActorCell | undefined; envelope: Envelope | undefined } = {
  cell: undefined,
  envelope: undefined,
};

/** The message whose turn runs, as a lane of the thread: a guest that sends meanwhile answers to its own message. */
export const messageLane: Lane = {
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

/**
 * Everything that messaging knows of one actor, its mailbox being part of it. Its fields are changed by this folder alone.
 * What every message touches comes first: with very many actors called in turn it is cache lines that cost.
 */
export class ActorCell extends Mailbox<Envelope> {
  /** Whose it is: a handle may be shown to another router than its own. */
  readonly router: object;
  readonly handle: ComponentHandle;
  state: CellState = 'open';
  /** Why it takes no more messages, for whoever sends one while it is ended for a reason of its own. */
  leavingBecause: VivariumError | undefined = undefined;
  /** No turn begins: not initialised yet, failed, or being restarted. */
  suspended = false;
  /** Stands in the dispatcher's queue. */
  queued = false;
  /** A turn runs. */
  busy = false;
  /** Its instance is gone and nobody will restart it: the embedder's messages are refused. */
  failed = false;
  /** The message whose turn is suspended, or has another inside it. */
  #suspended: Envelope | undefined = undefined;
  #runner: TurnRunner;
  #isOwnRunner = false;
  #whenIdle: (() => void)[] | undefined;
  #waiting: RingBuffer<WaitingSend> | undefined;
  readonly key: string;
  /** Its failures are told to the supervisor; a listener of the embedder has none. */
  readonly supervised: boolean;
  /** Turns that may begin with one message before it is given up as poison. */
  readonly maxAttempts: number;
  readonly maxOpenRequests: number;
  /** Counts restarts: an answer to what an earlier instance asked is not for this one. */
  incarnation = 0;
  // Most actors have none of these, and there may be very many actors.
  #openRequests: Map<string, PendingRequest> | undefined;
  #topics: Set<string> | undefined;

  constructor(
    router: object,
    handle: ComponentHandle,
    mailbox: MailboxOptions | undefined,
    runner: TurnRunner,
    supervised: boolean,
    maxAttempts: number,
    maxOpenRequests: number,
  ) {
    super(mailbox);
    this.router = router;
    this.handle = handle;
    this.key = formatComponentId(handle.id);
    this.#runner = runner;
    this.supervised = supervised;
    this.maxAttempts = maxAttempts;
    this.maxOpenRequests = maxOpenRequests;
  }

  get mailbox(): Mailbox<Envelope> {
    return this;
  }

  /** The message whose turn runs. */
  get current(): Envelope | undefined {
    return running.cell === this ? running.envelope : this.#suspended;
  }

  beginTurn(envelope: Envelope): void {
    if (running.cell !== undefined) running.cell.suspendTurn();
    running.cell = this;
    running.envelope = envelope;
    this.busy = true;
  }

  /** The turn goes on later. */
  suspendTurn(): void {
    if (running.cell !== this) return;
    this.#suspended = running.envelope;
    running.cell = undefined;
    running.envelope = undefined;
  }

  /** A suspended turn goes on; nothing does where the actor was removed, or its turn given up, meanwhile. */
  resumeTurn(envelope: Envelope | undefined): void {
    if (envelope === undefined || this.#suspended !== envelope) return;
    this.#suspended = undefined;
    running.cell = this;
    running.envelope = envelope;
  }

  /** The actor has no turn any more, which may still be running. */
  leaveTurn(): void {
    if (running.cell === this) {
      running.cell = undefined;
      running.envelope = undefined;
    } else this.#suspended = undefined;
  }

  get id(): ComponentId {
    return this.handle.id;
  }

  /** Whoever runs the actor's turns. To be asked for at a turn: the actor is loaded then. */
  get runner(): TurnRunner {
    if (!this.#isOwnRunner) {
      this.#isOwnRunner = true;
      this.#runner = this.#runner.runnerOf?.(this.handle) ?? this.#runner;
    }
    return this.#runner;
  }

  /** Requests made by this actor, by correlation id. Nobody else can name them. */
  get openRequests(): Map<string, PendingRequest> {
    this.#openRequests ??= new Map();
    return this.#openRequests;
  }

  get topics(): Set<string> {
    this.#topics ??= new Set();
    return this.#topics;
  }

  /** Sends that wait for room. */
  get waiting(): RingBuffer<WaitingSend> {
    this.#waiting ??= new RingBuffer();
    return this.#waiting;
  }

  get isAwaited(): boolean {
    return this.#waiting !== undefined && this.#waiting.size > 0;
  }

  get isRunnable(): boolean {
    return !this.busy && !this.suspended && !this.isEmpty;
  }

  get isIdle(): boolean {
    return (
      !this.busy &&
      this.isEmpty &&
      (this.#openRequests === undefined || this.#openRequests.size === 0) &&
      !this.isAwaited
    );
  }

  /** Calls `task` once, when the actor has nothing left to do. */
  whenIdle(task: () => void): void {
    this.#whenIdle ??= [];
    this.#whenIdle.push(task);
    this.noticeIdle();
  }

  /** To be called after whatever may have been the last thing to do. */
  noticeIdle(): void {
    if (this.#whenIdle === undefined || !this.isIdle) return;
    const tasks = this.#whenIdle;
    this.#whenIdle = undefined;
    for (const task of tasks) task();
  }
}

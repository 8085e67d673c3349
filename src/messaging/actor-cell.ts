import {
  type ComponentHandle,
  type ComponentId,
  type ComponentMessage,
  formatComponentId,
  type MessageMetadata,
  type RuntimeEngine,
} from '#core';
import type { Mailbox, Queued } from './mailbox.ts';
import { RingBuffer } from './ring-buffer.ts';
import { WheelTimer } from './timer-wheel.ts';

/** Counted for every queued message beside its payload, so that empty messages are not free. */
const OVERHEAD_BYTES = 64;

export type EnvelopeKind = 'message' | 'callback';

/** A message in a mailbox: what the guest will see, and what the host keeps beside it. */
export class Envelope implements ComponentMessage, Queued {
  readonly sender: ComponentId;
  readonly payload: Uint8Array;
  readonly metadata: MessageMetadata;
  readonly kind: EnvelopeKind;
  /** The request that waits for what the turn gives back; for a callback, the request that it ends. */
  readonly request: PendingRequest | undefined;
  /** How many turns led to this message, one caused by the other. */
  readonly hops: number;
  /** How often a turn has begun with it. */
  attempts = 0;

  constructor(
    kind: EnvelopeKind,
    sender: ComponentId,
    payload: Uint8Array,
    metadata: MessageMetadata,
    request: PendingRequest | undefined,
    hops: number,
  ) {
    this.kind = kind;
    this.sender = sender;
    this.payload = payload;
    this.metadata = metadata;
    this.request = request;
    this.hops = hops;
  }

  /** What the message counts in a mailbox's bytes. */
  get weight(): number {
    return this.payload.length + OVERHEAD_BYTES;
  }
}

/** How a request ended. It does so once. */
export type RequestEnd = 'answered' | 'timed-out' | 'cancelled' | 'failed';

/** Who is told when a request's deadline has passed. */
export interface RequestOwner {
  expired(request: PendingRequest): void;
}

/** A request that waits for its one end. */
export abstract class PendingRequest extends WheelTimer {
  correlationId = '';
  /** Who asked; undefined for the host. */
  readonly from: ActorCell | undefined;
  readonly target: ActorCell;
  /** The turn in which it was made: while that one is still running, it waits for this request. */
  readonly madeIn: Envelope | undefined;
  /** Of the asker when it asked: an answer is for the same instance alone. */
  readonly incarnation: number;
  /** Of the message that asks: one more than of the message whose turn asked. */
  readonly hops: number;
  readonly timeoutMs: number;
  /** The asker's turn cannot go on before the end. */
  readonly suspendsTurn: boolean;
  /** On the clock's monotonic scale. An answer after it is late even when the timer has not run yet. */
  deadline = 0;
  end: RequestEnd | undefined = undefined;
  readonly #owner: RequestOwner;

  constructor(
    owner: RequestOwner,
    from: ActorCell | undefined,
    target: ActorCell,
    timeoutMs: number,
    suspendsTurn: boolean,
  ) {
    super();
    this.#owner = owner;
    this.from = from;
    this.target = target;
    this.madeIn = from?.current;
    this.incarnation = from?.incarnation ?? 0;
    this.hops = this.madeIn === undefined ? 0 : this.madeIn.hops + 1;
    this.timeoutMs = timeoutMs;
    this.suspendsTurn = suspendsTurn;
  }

  expire(): void {
    this.#owner.expired(this);
  }

  /** Hands the answer to who asked. */
  abstract answer(payload: Uint8Array | undefined): void;
  /** Hands the failure to who asked. */
  abstract fail(error: unknown): void;
}

/** What a turn is, for an actor: the engine's call, or a listener's. */
export type TurnRunner = Pick<RuntimeEngine, 'callHandleMessage' | 'callHandleCallback'>;

/** `open`: takes messages. `draining`: finishes what it has. `removed`: gone, and every sender is told. */
export type CellState = 'open' | 'draining' | 'removed';

/** A message whose sender waits for room. */
export interface WaitingSend {
  readonly envelope: Envelope;
  admitted(): void;
  refused(error: unknown): void;
}

/** Everything that messaging knows of one actor. Its fields are changed by this folder alone. */
export class ActorCell {
  readonly handle: ComponentHandle;
  readonly key: string;
  readonly mailbox: Mailbox<Envelope>;
  readonly runner: TurnRunner;
  /** Its failures are told to the supervisor; a listener of the embedder has none. */
  readonly supervised: boolean;
  /** Turns that may begin with one message before it is given up as poison. */
  readonly maxAttempts: number;
  readonly maxOpenRequests: number;
  state: CellState = 'open';
  /** No turn begins: not initialised yet, failed, or being restarted. */
  suspended = false;
  /** Stands in the dispatcher's queue. */
  queued = false;
  /** A turn runs. */
  busy = false;
  /** The message whose turn runs. */
  current: Envelope | undefined = undefined;
  /** Counts restarts: an answer to what an earlier instance asked is not for this one. */
  incarnation = 0;
  /** Requests made by this actor, by correlation id. Nobody else can name them. */
  readonly openRequests: Map<string, PendingRequest> = new Map();
  readonly topics: Set<string> = new Set();
  readonly waiting: RingBuffer<WaitingSend> = new RingBuffer();
  #whenIdle: (() => void)[] | undefined;

  constructor(
    handle: ComponentHandle,
    mailbox: Mailbox<Envelope>,
    runner: TurnRunner,
    supervised: boolean,
    maxAttempts: number,
    maxOpenRequests: number,
  ) {
    this.handle = handle;
    this.key = formatComponentId(handle.id);
    this.mailbox = mailbox;
    this.runner = runner;
    this.supervised = supervised;
    this.maxAttempts = maxAttempts;
    this.maxOpenRequests = maxOpenRequests;
  }

  get id(): ComponentId {
    return this.handle.id;
  }

  get isRunnable(): boolean {
    return !this.busy && !this.suspended && !this.mailbox.isEmpty;
  }

  get isIdle(): boolean {
    return !this.busy && this.mailbox.isEmpty && this.openRequests.size === 0 && this.waiting.size === 0;
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

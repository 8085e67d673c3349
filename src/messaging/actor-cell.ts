import { type ComponentHandle, type ComponentId, formatComponentId, type RuntimeEngine } from '#core';
import type { Envelope } from './envelope.ts';
import type { Mailbox } from './mailbox.ts';
import type { PendingRequest } from './pending-request.ts';
import { RingBuffer } from './ring-buffer.ts';

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
  readonly mailbox: Mailbox;
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
    mailbox: Mailbox,
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

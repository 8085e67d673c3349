import type { Turn } from '#core';
import { RingBuffer } from './ring-buffer.ts';

/**
 * What happens to a message for a full mailbox. `reject`: its sender is told. `drop-oldest`: the oldest message makes
 * room and becomes a dead letter. `wait`: a sender that can wait, which is the host, does.
 */
export type Overflow = 'reject' | 'drop-oldest' | 'wait';

/** Work of the host that needs the actor's turn for itself: a health check, a call of another export. */
export interface TurnTask {
  run(): Turn<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** What a mailbox needs to know of a message. */
export interface Queued {
  /** A `callback` is owed to the actor itself and is not dropped. */
  readonly kind: 'message' | 'callback';
  /** What it counts in the mailbox's bytes. */
  readonly weight: number;
}

export interface MailboxOptions {
  /** Messages that may wait; 1,000 by default. */
  readonly maxMessages?: number | undefined;
  /** Bytes of payloads that may wait, with 64 for each message; 16 MiB by default. */
  readonly maxBytes?: number | undefined;
  /** The largest payload taken; `maxBytes` by default. */
  readonly maxMessageBytes?: number | undefined;
  readonly overflow?: Overflow | undefined;
}

/** A bounded queue of messages, and before it one of the host's own tasks, which go first and are not bounded. */
export class Mailbox<Message extends Queued> {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxMessageBytes: number;
  readonly overflow: Overflow;
  readonly #messages = new RingBuffer<Message>();
  readonly #tasks = new RingBuffer<TurnTask>();
  #bytes = 0;

  constructor(options: MailboxOptions = {}) {
    this.maxMessages = options.maxMessages ?? 1_000;
    this.maxBytes = options.maxBytes ?? 16 * 2 ** 20;
    this.maxMessageBytes = Math.min(options.maxMessageBytes ?? this.maxBytes, this.maxBytes);
    this.overflow = options.overflow ?? 'reject';
  }

  /** Messages that wait; tasks are not counted. */
  get size(): number {
    return this.#messages.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#messages.size === 0 && this.#tasks.size === 0;
  }

  hasRoomFor(envelope: Message): boolean {
    return this.#messages.size < this.maxMessages && this.#bytes + envelope.weight <= this.maxBytes;
  }

  /** Takes out the oldest message that is no answer to the actor's own requests: those are owed to it. */
  dropOldest(): Message | undefined {
    const owed: Message[] = [];
    let oldest = this.#messages.shift();
    while (oldest?.kind === 'callback') {
      owed.push(oldest);
      oldest = this.#messages.shift();
    }
    for (const callback of owed.reverse()) this.#messages.unshift(callback);
    if (oldest !== undefined) this.#bytes -= oldest.weight;
    return oldest;
  }

  hasBytesFor(envelope: Message): boolean {
    return this.#bytes + envelope.weight <= this.maxBytes;
  }

  push(envelope: Message): void {
    this.#messages.push(envelope);
    this.#bytes += envelope.weight;
  }

  /** Puts back a message whose turn failed, before all others, so that the order stays. */
  putBack(envelope: Message): void {
    this.#messages.unshift(envelope);
    this.#bytes += envelope.weight;
  }

  shift(): Message | undefined {
    const envelope = this.#messages.shift();
    if (envelope !== undefined) this.#bytes -= envelope.weight;
    return envelope;
  }

  pushTask(task: TurnTask): void {
    this.#tasks.push(task);
  }

  shiftTask(): TurnTask | undefined {
    return this.#tasks.shift();
  }
}

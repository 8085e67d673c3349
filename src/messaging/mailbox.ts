import { allow, checkOptions } from '#core/options';
import type { HostTask } from './host-task.ts';

/**
 * What happens to a message when the mailbox is full. `reject`: its sender gets an error. `drop-oldest`: the oldest
 * message becomes a dead letter. `wait`: the sender waits if it can, which only the host can.
 */
export type Overflow = 'reject' | 'drop-oldest' | 'wait';

/** What a mailbox needs to know about a message. A message is in one mailbox at a time. */
export interface Queued<Message> {
  /** A `callback` answers the actor's own request, so it is never dropped. */
  readonly kind: 'message' | 'callback';
  /** The bytes that the message counts in the mailbox. */
  readonly weight: number;
  /** The next message in line. Only the mailbox sets it. */
  next: Message | undefined;
  /** Its number among all messages of the mailbox. Only the mailbox sets it. */
  arrival: number;
}

export interface MailboxOptions {
  /** The number of messages that may wait; 1,000 by default. */
  readonly maxMessages?: number | undefined;
  /** The bytes of payloads that may wait, plus 64 for each message; 16 MiB by default. */
  readonly maxBytes?: number | undefined;
  /** The largest accepted payload; `maxBytes` by default. */
  readonly maxMessageBytes?: number | undefined;
  readonly overflow?: Overflow | undefined;
}

const MAILBOX: allow.OptionRules<MailboxOptions> = {
  maxMessages: allow.wholeNumber(1),
  maxBytes: allow.wholeNumber(1),
  maxMessageBytes: allow.wholeNumber(0),
  overflow: allow.oneOf('reject', 'drop-oldest', 'wait' satisfies Overflow),
};
const RULE = allow.options(MAILBOX);

/** @throws {CoreError} `CORE_INVALID_OPTION` */
export function checkMailbox(options: MailboxOptions | undefined): void {
  checkOptions(options, RULE, 'mailbox');
}

/**
 * A bounded queue of messages, and an unbounded queue of the host's tasks, which run first or, side by side, in the order of arrival.
 * Both are linked lists, so that an idle mailbox holds nothing and ten thousand of them touch little memory.
 */
export class Mailbox<Message extends Queued<Message>> {
  #first: Message | undefined;
  /** The last message, if there are at least two. */
  #last: Message | undefined;
  #size = 0;
  #bytes = 0;
  #firstTask: HostTask | undefined;
  #lastTask: HostTask | undefined;
  #arrivals = 0;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxMessageBytes: number;
  readonly overflow: Overflow;

  constructor(options: MailboxOptions = {}) {
    this.maxMessages = options.maxMessages ?? 1_000;
    this.maxBytes = options.maxBytes ?? 16 * 2 ** 20;
    this.maxMessageBytes = Math.min(options.maxMessageBytes ?? this.maxBytes, this.maxBytes);
    this.overflow = options.overflow ?? 'reject';
  }

  /** The number of waiting messages, without tasks. */
  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#first === undefined && this.#firstTask === undefined;
  }

  hasRoomFor(envelope: Message): boolean {
    return this.#size < this.maxMessages && this.#bytes + envelope.weight <= this.maxBytes;
  }

  /** Removes the oldest message, except answers to the actor's own requests, which must be delivered. */
  dropOldest(): Message | undefined {
    let before: Message | undefined;
    let oldest = this.#first;
    while (oldest?.kind === 'callback') {
      before = oldest;
      oldest = oldest.next;
    }
    if (oldest === undefined) return undefined;
    if (before === undefined) return this.shift();
    before.next = oldest.next;
    if (oldest === this.#last) this.#last = before === this.#first ? undefined : before;
    return this.#taken(oldest);
  }

  hasBytesFor(envelope: Message): boolean {
    return this.#bytes + envelope.weight <= this.maxBytes;
  }

  push(envelope: Message): void {
    if (this.#first === undefined) this.#first = envelope;
    else {
      (this.#last ?? this.#first).next = envelope;
      this.#last = envelope;
    }
    this.#arrivals += 1;
    envelope.arrival = this.#arrivals;
    this.#size += 1;
    this.#bytes += envelope.weight;
  }

  /** Puts a message whose turn failed back to the front, so that the order is kept. */
  putBack(envelope: Message): void {
    envelope.next = this.#first;
    this.#last ??= this.#first;
    this.#first = envelope;
    this.#size += 1;
    this.#bytes += envelope.weight;
  }

  shift(): Message | undefined {
    const envelope = this.#first;
    if (envelope === undefined) return undefined;
    this.#first = envelope.next;
    if (this.#first === this.#last) this.#last = undefined;
    return this.#taken(envelope);
  }

  pushTask(task: HostTask): void {
    task.arrival = this.#arrivals;
    if (task.goesFirst) {
      task.next = this.#firstTask;
      this.#firstTask = task;
      this.#lastTask ??= task;
      return;
    }
    if (this.#lastTask === undefined) this.#firstTask = task;
    else this.#lastTask.next = task;
    this.#lastTask = task;
  }

  /** Whether what comes next may run beside others, as messages may. */
  get nextJoins(): boolean {
    return this.#firstTask === undefined || this.#firstTask.joins;
  }

  /**
   * Takes the next task, if it comes before the next message.
   * @param inOrder whether a task that joins others comes after messages that have arrived before it. They could wait for ever behind
   *   tasks that overlap.
   */
  shiftTask(inOrder = false): HostTask | undefined {
    const task = this.#firstTask;
    if (task === undefined || (inOrder && this.#waitsForMessage(task))) return undefined;
    this.#firstTask = task.next;
    task.next = undefined;
    if (this.#firstTask === undefined) this.#lastTask = undefined;
    return task;
  }

  #waitsForMessage({ joins, goesFirst, arrival }: HostTask): boolean {
    if (!joins || goesFirst) return false;
    return this.#first !== undefined && this.#first.arrival <= arrival;
  }

  #taken(envelope: Message): Message {
    envelope.next = undefined;
    this.#size -= 1;
    this.#bytes -= envelope.weight;
    return envelope;
  }
}

import type { ComponentId } from '#core';
import type { VivariumError } from '#core/errors';
import {
  type MessageFailure,
  type MessageMetadata,
  messageFailureOf,
  type Timestamp,
  timestampOf,
} from '#core/messages';
import { allow } from '#core/options';
import type { Clock } from '#core/ports/clock';
import { type AsyncContext, currentContext } from '#core/waiting';
import type { ActorCell, PendingRequest } from './actor-cell.ts';
import { Envelope, type EnvelopeKind } from './actor-cell.ts';
import type { MessageCounters } from './counters.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Dispatcher } from './dispatcher.ts';
import { MessagingError } from './errors.ts';

const NO_HEADERS: MessageMetadata['headers'] = Object.freeze([]);
const NOTHING = new Uint8Array(0);

/** What a sender may say about a message in addition to its payload. */
export interface MessageFields {
  readonly contentType?: string | undefined;
  readonly headers?: MessageMetadata['headers'] | undefined;
}

const isHeader = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === 'string');

/** Rules for these fields. A guest gets them as they are, and an invalid one would make the guest fail. */
export const FIELDS: allow.OptionRules<MessageFields> = {
  contentType: allow.text,
  headers: allow.listOf(allow.rule('a pair of texts: a name and a value', isHeader)),
};

/** Ends the request of a queued message that is given up before its turn. */
export type GiveUpRequest = (request: PendingRequest, error: MessagingError) => void;

/** What the delivery of messages uses. */
export interface DeliveryParts {
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  readonly deadLetters: DeadLetters;
  readonly counters: MessageCounters;
  readonly maxHops: number;
  readonly isTraced: boolean;
}

/** Makes messages and puts them into mailboxes. */
export class Delivery {
  readonly #clock: Clock;
  readonly #dispatcher: Dispatcher;
  readonly #deadLetters: DeadLetters;
  readonly #counters: MessageCounters;
  readonly #maxHops: number;
  readonly #isTraced: boolean;
  #lastMessageId = 0;
  #stampedMs = Number.NaN;
  /** Until this reading of the monotonic clock the last stamp is reused. */
  #stampEnds = Number.NEGATIVE_INFINITY;
  #stamp: Timestamp = timestampOf(0);
  giveUp: GiveUpRequest = () => {};

  constructor(parts: DeliveryParts) {
    this.#clock = parts.clock;
    this.#dispatcher = parts.dispatcher;
    this.#deadLetters = parts.deadLetters;
    this.#counters = parts.counters;
    this.#maxHops = parts.maxHops;
    this.#isTraced = parts.isTraced;
  }

  /**
   * Makes a message. From here on it is counted, and must end in one of the counted ways. The benchmark `messages` forbids
   * an object of options for each message.
   */
  message(
    sender: ComponentId,
    from: ActorCell | undefined,
    payload: Uint8Array,
    fields: MessageFields | undefined,
    request: PendingRequest | undefined,
    topic: string | undefined,
  ): Envelope {
    this.#counters.offered += 1;
    const cause = from?.current;
    const hops = cause === undefined ? 0 : cause.hops + 1;
    // A message that a turn sends keeps the turn's context, which is already known. With a tracer, the host function that sends it
    // has a span of its own, in whose context it runs.
    const context = cause === undefined || this.#isTraced ? currentContext() : cause.context;
    return this.#envelope('message', sender, payload, fields, request, topic, undefined, hops, context);
  }

  /**
   * Puts a message into a mailbox. Its context is that of the running code, unless a turn sends it.
   * @throws {MessagingError} when the mailbox refuses it
   */
  post(cell: ActorCell, envelope: Envelope): void {
    const refusal = this.#refusalFor(cell, envelope);
    if (refusal !== undefined) {
      this.#counters.refused += 1;
      throw refusal;
    }
    cell.mailbox.push(envelope);
    this.#dispatcher.readyIn(cell, envelope.context);
  }

  /** Puts a broadcast message into a mailbox, or among the dead letters. Returns whether the mailbox accepted it. */
  postOrBury(cell: ActorCell, envelope: Envelope): boolean {
    const refusal = this.#refusalFor(cell, envelope);
    if (refusal !== undefined) {
      this.#deadLetters.add(cell.id, envelope, 'refused', refusal);
      return false;
    }
    cell.mailbox.push(envelope);
    this.#dispatcher.ready(cell);
    return true;
  }

  /** Puts a message into a mailbox, or into the line of waiting senders. Only the host can wait. */
  postOrWait(cell: ActorCell, envelope: Envelope, admitted: () => void, refused: (error: unknown) => void): void {
    const fits = !cell.isAwaited && cell.mailbox.hasRoomFor(envelope);
    if (fits || cell.mailbox.overflow !== 'wait' || this.#refusalBesideRoom(cell, envelope) !== undefined) {
      this.post(cell, envelope);
      admitted();
    } else cell.waiting.push({ envelope, admitted, refused });
  }

  /** Admits waiting messages as far as there is space. */
  admitWaiting(cell: ActorCell): void {
    for (let next = cell.waiting.peek(); next !== undefined; next = cell.waiting.peek()) {
      const ended = next.envelope.request?.end;
      if (ended === undefined && !cell.mailbox.hasRoomFor(next.envelope)) return;
      cell.waiting.shift();
      if (ended === undefined) {
        cell.mailbox.push(next.envelope);
        next.admitted();
      } else this.#deadLetters.add(cell.id, next.envelope, ended === 'timed-out' ? 'expired' : 'cancelled');
    }
  }

  /**
   * Tells an actor how its request ended. An answer is accepted even when the mailbox is full of other messages,
   * because the number of open requests bounds the number of answers. An answer too large for the mailbox's bytes
   * becomes a failure.
   */
  postCallback(request: PendingRequest, payload: Uint8Array | undefined, failure: unknown): void {
    const cell = request.from!;
    const told = failure === undefined ? undefined : messageFailureOf(failure);
    let envelope = this.#callback(request, payload ?? NOTHING, told);
    if (envelope.payload.length > 0 && !cell.mailbox.hasBytesFor(envelope)) {
      const error = queueFull(cell, 'has no space for the bytes of the answer');
      this.#deadLetters.add(cell.id, envelope, 'refused', error);
      envelope = this.#callback(request, NOTHING, messageFailureOf(error));
    }
    cell.mailbox.push(envelope);
    this.#dispatcher.ready(cell);
  }

  #callback(request: PendingRequest, payload: Uint8Array, failure: MessageFailure | undefined): Envelope {
    this.#counters.offered += 1;
    const hops = request.hops + 1;
    const sender = request.target.id;
    return this.#envelope('callback', sender, payload, undefined, request, undefined, failure, hops, request.context);
  }

  // Called for each message: the benchmark `messages` forbids an object of options.
  #envelope(
    kind: EnvelopeKind,
    sender: ComponentId,
    payload: Uint8Array,
    fields: MessageFields | undefined,
    request: PendingRequest | undefined,
    topic: string | undefined,
    failure: MessageFailure | undefined,
    hops: number,
    context: AsyncContext,
  ): Envelope {
    this.#lastMessageId += 1;
    const metadata: Envelope['metadata'] = {
      messageId: this.#lastMessageId,
      correlationId: request?.correlationId,
      replyTo: request === undefined || kind === 'callback' ? undefined : sender,
      timestamp: kind === 'message' && request !== undefined ? this.#timestampAt(request.begun) : this.#timestamp(),
      contentType: fields?.contentType,
      topic,
      headers: fields?.headers ?? NO_HEADERS,
      failure,
    };
    return new Envelope(kind, sender, payload, metadata, request, hops, context);
  }

  /**
   * Reads the wall clock at most once in a millisecond, which is the stamp's resolution. Requests measure time with the
   * monotonic clock.
   */
  #timestampAt(now: number): Timestamp {
    if (now >= this.#stampEnds) {
      this.#stampEnds = now + 1;
      this.#timestamp();
    }
    return this.#stamp;
  }

  #timestamp(): Timestamp {
    const now = Math.floor(this.#clock.now());
    if (now !== this.#stampedMs) {
      this.#stampedMs = now;
      this.#stamp = timestampOf(now);
    }
    return this.#stamp;
  }

  #refusalFor(cell: ActorCell, envelope: Envelope): VivariumError | undefined {
    const refusal = this.#refusalBesideRoom(cell, envelope);
    if (refusal !== undefined) return refusal;
    if (cell.mailbox.hasRoomFor(envelope)) return undefined;
    if (cell.mailbox.overflow === 'drop-oldest' && this.#makeRoom(cell, envelope)) return undefined;
    return queueFull(cell, `holds ${cell.mailbox.size} messages of ${cell.mailbox.bytes} bytes; send less, or later`);
  }

  #refusalBesideRoom(cell: ActorCell, envelope: Envelope): VivariumError | undefined {
    if (cell.state === 'draining') {
      if (cell.leavingBecause !== undefined) return cell.leavingBecause;
      return new MessagingError('MESSAGING_UNAVAILABLE', `${cell.key} is being unloaded and takes no more messages`);
    }
    if (cell.state === 'removed') return notFound(cell.key);
    if (envelope.hops > this.#maxHops) {
      const message = `the message to ${cell.key} is hop ${envelope.hops} of a chain of messages that each caused the next; at most ${this.#maxHops} are let through (maxHops)`;
      return new MessagingError('MESSAGING_DELIVERY_FAILED', message);
    }
    if (envelope.payload.length > cell.mailbox.maxMessageBytes) {
      const message = `a payload of ${envelope.payload.length} bytes is more than ${cell.key} takes (${cell.mailbox.maxMessageBytes}); send it in parts`;
      return new MessagingError('MESSAGING_INVALID', message);
    }
    return undefined;
  }

  #makeRoom(cell: ActorCell, envelope: Envelope): boolean {
    while (!cell.mailbox.hasRoomFor(envelope)) {
      const oldest = cell.mailbox.dropOldest();
      if (oldest === undefined) return false;
      const error = queueFull(cell, 'is full and dropped its oldest message');
      this.#deadLetters.add(cell.id, oldest, 'dropped', error);
      if (oldest.request !== undefined) this.giveUp(oldest.request, error);
    }
    return true;
  }
}

export function notFound(key: string): MessagingError {
  return new MessagingError('MESSAGING_TARGET_NOT_FOUND', `there is no component ${key}`, {
    details: { target: key, component: key },
  });
}

function queueFull(cell: ActorCell, what: string): MessagingError {
  return new MessagingError('MESSAGING_QUEUE_FULL', `the mailbox of ${cell.key} ${what}`, {
    details: { target: cell.key, component: cell.key },
  });
}

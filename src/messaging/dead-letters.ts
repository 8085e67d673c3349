import type { ComponentId } from '#core';
import { releaseFrames, type VivariumError } from '#core/errors';
import { type ComponentMessage, type OutgoingMessage, readableMessage } from '#core/messages';
import type { Clock } from '#core/ports/clock';
import { RingBuffer } from '#core/queue';
import { type AsyncContext, inContext } from '#core/waiting';
import type { MessageCounters } from './counters.ts';
import { weightOf } from './letter-weight.ts';

/**
 * Why no actor handled a message.
 * - `failed`: its turn failed.
 * - `poison`: its turn failed at every attempt.
 * - `expired`, `cancelled`: its request had ended before its turn began.
 * - `removed`: its target was unloaded.
 * - `restarted`: it answers an instance that is gone.
 * - `dropped`: a newer message took its place in a full mailbox.
 * - `refused`: a subscriber or the target of a broadcast could not accept it.
 */
export type DeadLetterReason =
  | 'failed'
  | 'poison'
  | 'expired'
  | 'cancelled'
  | 'removed'
  | 'restarted'
  | 'dropped'
  | 'refused';

export interface DeadLetter {
  readonly target: ComponentId;
  readonly message: ComponentMessage;
  readonly reason: DeadLetterReason;
  readonly error: VivariumError | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface DeadLetterOptions {
  /** The number of letters kept; 1,000 by default. */
  readonly maxLetters?: number | undefined;
  /** The bytes of payloads kept, and of errors beyond 4 KiB each; 1 MiB by default. The oldest letters are dropped first. */
  readonly maxBytes?: number | undefined;
}

/**
 * The most recent messages that no actor handled, in a bounded buffer. Listeners hear of each once, whether it is kept
 * or not.
 */
export class DeadLetters {
  readonly #letters = new RingBuffer<DeadLetter>();
  /** What each of them weighs, in the same order. */
  readonly #weights = new RingBuffer<number>();
  readonly #maxLetters: number;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  readonly #counters: MessageCounters;
  readonly #listener: ((letter: DeadLetter) => void) | undefined;
  #bytes = 0;

  constructor(
    clock: Clock,
    counters: MessageCounters,
    options: DeadLetterOptions = {},
    listener?: (letter: DeadLetter) => void,
  ) {
    this.#clock = clock;
    this.#counters = counters;
    this.#maxLetters = options.maxLetters ?? 1_000;
    this.#maxBytes = options.maxBytes ?? 2 ** 20;
    this.#listener = listener;
  }

  /** @param outgoing the message; its listener is called in the message's context */
  add(
    target: ComponentId,
    outgoing: OutgoingMessage & { readonly context: AsyncContext },
    reason: DeadLetterReason,
    error?: VivariumError,
  ): void {
    this.#counters.deadLettered += 1;
    releaseFrames(error);
    const message = readableMessage(outgoing);
    const letter = { target, message, reason, error, at: this.#clock.now() };
    const weight = weightOf(letter, this.#maxBytes);
    this.#letters.push(letter);
    this.#weights.push(weight);
    this.#bytes += weight;
    while (this.#letters.size > this.#maxLetters || (this.#bytes > this.#maxBytes && this.#letters.size > 0)) {
      this.#letters.shift();
      this.#bytes -= this.#weights.shift()!;
    }
    if (this.#listener !== undefined) inContext(outgoing.context, () => this.#tell(letter));
  }

  /** Calls the listener. An exception in it must not end the running turn. */
  #tell(letter: DeadLetter): void {
    try {
      this.#listener?.(letter);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** The letters that are kept, oldest first. */
  list(): readonly DeadLetter[] {
    return this.#letters.toArray();
  }
}

import type { ComponentId } from '#core';
import type { VivariumError } from '#core/errors';
import { type ComponentMessage, type OutgoingMessage, readableMessage } from '#core/messages';
import type { Clock } from '#core/ports/clock';
import { type AsyncContext, inContext } from '#core/waiting';
import type { MessageCounters } from './counters.ts';
import { RingBuffer } from './ring-buffer.ts';

/**
 * Why a message reached nobody. `failed`: its turn did. `poison`: so did every further try. `expired`, `cancelled`: its
 * request had ended before its turn. `removed`: its target was unloaded. `restarted`: an answer for an instance that is
 * gone. `dropped`: made room for a newer one. `refused`: a subscriber or a broadcast's target could not take it.
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
  /** Letters kept; 1,000 by default. */
  readonly maxLetters?: number | undefined;
  /** Bytes of payloads kept; 1 MiB by default. The oldest go first. */
  readonly maxBytes?: number | undefined;
}

/** The last messages that reached nobody, in a bounded buffer. Each is told of once, kept or not. */
export class DeadLetters {
  readonly #letters = new RingBuffer<DeadLetter>();
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

  /** @param outgoing the message, with the context in which its listener is told */
  add(
    target: ComponentId,
    outgoing: OutgoingMessage & { readonly context: AsyncContext },
    reason: DeadLetterReason,
    error?: VivariumError,
  ): void {
    this.#counters.deadLettered += 1;
    const message = readableMessage(outgoing);
    const letter = { target, message, reason, error, at: this.#clock.now() };
    this.#letters.push(letter);
    this.#bytes += message.payload.length;
    while (this.#letters.size > this.#maxLetters || (this.#bytes > this.#maxBytes && this.#letters.size > 0)) {
      this.#bytes -= this.#letters.shift()!.message.payload.length;
    }
    if (this.#listener !== undefined) inContext(outgoing.context, () => this.#tell(letter));
  }

  /** A listener that throws must not end the turn during which it was told. */
  #tell(letter: DeadLetter): void {
    try {
      this.#listener?.(letter);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** The letters kept, oldest first. */
  list(): readonly DeadLetter[] {
    return this.#letters.toArray();
  }
}

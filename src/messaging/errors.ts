import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  MESSAGING_QUEUE_FULL: 'failed',
  MESSAGING_TIMEOUT: 'failed',
  MESSAGING_TARGET_NOT_FOUND: 'not-found',
  MESSAGING_DELIVERY_FAILED: 'failed',
  MESSAGING_INVALID: 'usage',
  MESSAGING_CANCELLED: 'failed',
  MESSAGING_DEADLOCK: 'failed',
  MESSAGING_UNAVAILABLE: 'unreachable',
  MESSAGING_CODEC: 'failed',
} as const satisfies Record<string, ErrorKind>;

export type MessagingErrorCode = keyof typeof KINDS;

/** Reports that a message, or the answer to a request, was not delivered. */
export class MessagingError extends VivariumError<MessagingErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}

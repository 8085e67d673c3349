import { VivariumError } from '#core/errors';

export type MessagingErrorCode =
  | 'MESSAGING_QUEUE_FULL'
  | 'MESSAGING_TIMEOUT'
  | 'MESSAGING_TARGET_NOT_FOUND'
  | 'MESSAGING_DELIVERY_FAILED'
  | 'MESSAGING_INVALID'
  | 'MESSAGING_CANCELLED'
  | 'MESSAGING_DEADLOCK'
  | 'MESSAGING_UNAVAILABLE'
  | 'MESSAGING_CODEC';

/** Reports that a message, or the answer to a request, was not delivered. */
export class MessagingError extends VivariumError<MessagingErrorCode> {}

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

/** A message, or a request's answer, that did not get where it should. */
export class MessagingError extends VivariumError<MessagingErrorCode> {}

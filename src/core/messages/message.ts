import { type ErrorKind, isVivariumError, messageOf } from '#core/errors';
import type { AsciiText } from '#core/text';
import type { ComponentId } from '../component-id.ts';

/** Seconds and nanoseconds since 1970-01-01T00:00:00Z, as in WIT's `types.timestamp`. */
export interface Timestamp {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

/** The cases of WIT's `messaging-error`: how a guest learns that a message failed. */
export type MessageFailureTag =
  | 'delivery-failed'
  | 'correlation-timeout'
  | 'invalid-message'
  | 'queue-full'
  | 'target-not-found'
  | 'cancelled'
  | 'permission-denied'
  | 'unavailable';

/** Why a request has no answer. It is in the metadata of the callback that ends the request. */
export interface MessageFailure {
  readonly tag: MessageFailureTag;
  readonly val: string;
}

/** WIT's `message-metadata`. Only the host sets it; a guest can neither choose nor change it. */
export interface MessageMetadata {
  readonly messageId: bigint;
  readonly correlationId?: string | undefined;
  readonly replyTo?: ComponentId | undefined;
  readonly timestamp: Timestamp;
  readonly contentType?: string | undefined;
  readonly topic?: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly failure?: MessageFailure | undefined;
}

/** WIT's `component-message`: what a turn handles. */
export interface ComponentMessage {
  readonly sender: ComponentId;
  readonly payload: Uint8Array;
  readonly metadata: MessageMetadata;
}

/** A message on its way to a guest, in the form that is fastest to write. */
export interface OutgoingMessage {
  readonly sender: ComponentId;
  readonly payload: Uint8Array;
  readonly metadata: Omit<MessageMetadata, 'messageId' | 'correlationId'> & {
    readonly messageId: bigint | number;
    readonly correlationId?: string | AsciiText | undefined;
  };
}

/** Converts the message for readers of strings. */
export function readableMessage({ sender, payload, metadata }: OutgoingMessage): ComponentMessage {
  const { messageId, correlationId } = metadata;
  const readable = { ...metadata, messageId: BigInt(messageId), correlationId: correlationId?.toString() };
  return { sender, payload, metadata: readable };
}

/** Makes the timestamp of a time in milliseconds since 1970. */
export function timestampOf(epochMs: number): Timestamp {
  const seconds = Math.floor(epochMs / 1000);
  return { seconds: BigInt(seconds), nanoseconds: Math.floor((epochMs - seconds * 1000) * 1e6) };
}

const TAG_OF_KIND: Readonly<Record<ErrorKind, MessageFailureTag>> = {
  usage: 'invalid-message',
  'not-found': 'target-not-found',
  refused: 'permission-denied',
  unauthorised: 'permission-denied',
  unreachable: 'unavailable',
  failed: 'delivery-failed',
  orderly: 'delivery-failed',
};

/** Cases that say more than the kind, by code. An id that is no id names no target. */
const TAG_OF_CODE: ReadonlyMap<string, MessageFailureTag> = new Map([
  ['CORE_INVALID_ID', 'target-not-found'],
  ['MESSAGING_CANCELLED', 'cancelled'],
  ['MESSAGING_DEADLOCK', 'correlation-timeout'],
  ['MESSAGING_QUEUE_FULL', 'queue-full'],
  ['MESSAGING_TIMEOUT', 'correlation-timeout'],
]);

/** Converts an error for a guest to WIT's `messaging-error`, by its kind. */
export function messageFailureOf(error: unknown): MessageFailure {
  const tag = isVivariumError(error) ? (TAG_OF_CODE.get(error.code) ?? TAG_OF_KIND[error.kind]) : 'delivery-failed';
  return { tag, val: messageOf(error) };
}

import { decodeCbor } from './cbor.ts';
import { MessageError } from './errors.ts';
import type { ComponentId, WitMessage } from './types.ts';
import { decodeUtf8 } from './utf8.ts';
import { decodeValue, formatId } from './values.ts';

/** A message, or the reply to an earlier request. The host sets `sender`, so the sender cannot forge it. */
export class Message {
  readonly sender: ComponentId;
  readonly payload: Uint8Array;
  readonly id: number;
  /** Set if somebody waits for the reply, and in a reply. */
  readonly correlationId: string | undefined;
  readonly contentType: string | undefined;
  /** The topic through which the message came. */
  readonly topic: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The time at which the message was sent, in milliseconds since 1970. */
  readonly sentAt: number;
  /** In the end of a request that got no reply: the reason. */
  readonly failure: MessageError | undefined;

  constructor({ sender, payload, metadata }: WitMessage) {
    this.sender = sender;
    this.payload = payload;
    this.id = Number(metadata.messageId);
    this.correlationId = metadata.correlationId ?? undefined;
    this.contentType = metadata.contentType ?? undefined;
    this.topic = metadata.topic ?? undefined;
    this.headers = metadata.headers;
    this.sentAt = Number(metadata.timestamp.seconds) * 1_000 + metadata.timestamp.nanoseconds / 1e6;
    const { failure } = metadata;
    this.failure = failure ? new MessageError(failure.tag, failure.val) : undefined;
  }

  /** The sender's id as text. */
  get from(): string {
    return formatId(this.sender);
  }

  /** @throws {TypeError} if the payload is not UTF-8 */
  text(): string {
    return decodeUtf8(this.payload);
  }

  /** Parses the payload as JSON. The sender chose the value: check it. @throws if the payload is not JSON */
  json(): unknown {
    return JSON.parse(this.text());
  }

  /**
   * Decodes the payload by its content type. Without a content type, it is read as JSON if it is JSON, else as text if it is UTF-8,
   * else returned as bytes. The sender chose the value: check it.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the sender chooses the type
  value(): any {
    if (this.contentType === 'application/json') return this.json();
    if (this.contentType === 'application/cbor') return decodeCbor(this.payload);
    if (this.contentType === 'text/plain') return this.text();
    return this.contentType === undefined ? decodeValue(this.payload) : this.payload;
  }
}

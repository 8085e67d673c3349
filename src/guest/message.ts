import { decodeCbor } from './cbor.ts';
import { MessageError } from './errors.ts';
import type { ComponentId, WitMessage } from './types.ts';
import { decodeUtf8 } from './utf8.ts';
import { decodeValue, formatId } from './values.ts';

/** A message, or the answer to an earlier request. Who sent it is the host's word, not the sender's. */
export class Message {
  readonly sender: ComponentId;
  readonly payload: Uint8Array;
  readonly id: number;
  /** Set where somebody waits for the answer, and in an answer. */
  readonly correlationId: string | undefined;
  readonly contentType: string | undefined;
  /** The topic through which it came. */
  readonly topic: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** When it was sent, in milliseconds since 1970. */
  readonly sentAt: number;
  /** Why the request that this ends has no answer. */
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

  /** @throws {TypeError} where the payload is not UTF-8 */
  text(): string {
    return decodeUtf8(this.payload);
  }

  /** @throws where the payload is not JSON. The value is the sender's: check it. */
  json(): unknown {
    return JSON.parse(this.text());
  }

  /**
   * What was sent, as its content type says. Where nothing is said: JSON where it is JSON, else text where it is UTF-8,
   * else bytes. The value is the sender's: check it.
   */
  // biome-ignore lint/suspicious/noExplicitAny: what it is, the sender chose
  value(): any {
    if (this.contentType === 'application/json') return this.json();
    if (this.contentType === 'application/cbor') return decodeCbor(this.payload);
    if (this.contentType === 'text/plain') return this.text();
    return this.contentType === undefined ? decodeValue(this.payload) : this.payload;
  }
}

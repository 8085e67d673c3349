import type { ComponentId, ComponentMessage, MessageMetadata, Turn } from '#core';
import type { ActorCell } from './actor-cell.ts';
import type { PendingRequest } from './pending-request.ts';

/** Counted for every queued message beside its payload, so that empty messages are not free. */
const OVERHEAD_BYTES = 64;

export type EnvelopeKind = 'message' | 'callback';

/** A message in a mailbox: what the guest will see, and what the host keeps beside it. */
export class Envelope implements ComponentMessage {
  readonly sender: ComponentId;
  readonly payload: Uint8Array;
  readonly metadata: MessageMetadata;
  readonly kind: EnvelopeKind;
  /** The actor that sent it; undefined for the host. */
  readonly from: ActorCell | undefined;
  /** The request that waits for what the turn gives back; for a callback, the request that it ends. */
  readonly request: PendingRequest | undefined;
  /** How many turns led to this message, one caused by the other. */
  readonly hops: number;
  /** How often a turn has begun with it. */
  attempts = 0;

  constructor(
    kind: EnvelopeKind,
    sender: ComponentId,
    payload: Uint8Array,
    metadata: MessageMetadata,
    from: ActorCell | undefined,
    request: PendingRequest | undefined,
    hops: number,
  ) {
    this.kind = kind;
    this.sender = sender;
    this.payload = payload;
    this.metadata = metadata;
    this.from = from;
    this.request = request;
    this.hops = hops;
  }

  /** What the message counts in a mailbox's bytes. */
  get weight(): number {
    return this.payload.length + OVERHEAD_BYTES;
  }
}

/** Work of the host that needs the actor's turn for itself: a health check, a call of another export. */
export interface TurnTask {
  run(): Turn<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

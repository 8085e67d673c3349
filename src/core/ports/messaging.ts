import type { ComponentId } from '../component-id.ts';
import type { MessageFailureTag } from '../message.ts';

/** A guest's host call that failed as WIT's `messaging-error` says. */
export interface MessagingRefusal {
  readonly tag: MessageFailureTag;
  readonly val: string;
}

/**
 * What `host-messaging` calls on behalf of a guest. Every method is synchronous: a guest's turn cannot wait.
 * @throws an error with a `MESSAGING_…` or `SECURITY_PERMISSION_DENIED` code, which the host function turns into
 * WIT's `messaging-error`.
 */
export interface MessageRouter {
  /** Puts the message into the target's mailbox. */
  send(from: ComponentId, to: ComponentId, payload: Uint8Array): void;
  /** Sends and answers a correlation id; the answer or its failure comes by `handle-callback`. */
  request(from: ComponentId, to: ComponentId, payload: Uint8Array, timeoutMs: number): string;
  /** Ends an open request of `from`; its answer will be dropped. */
  cancelRequest(from: ComponentId, correlationId: string): void;
}

/** What `host-messaging` calls for topics. */
export interface TopicRouter {
  /** Answers how many subscribers took the message. */
  publish(from: ComponentId, topic: string, payload: Uint8Array): number;
  subscribe(subscriber: ComponentId, topic: string): void;
  unsubscribe(subscriber: ComponentId, topic: string): void;
}

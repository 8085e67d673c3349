import type { ComponentId } from '../component-id.ts';
import type { ComponentHandle } from '../handle.ts';

/**
 * What `host-messaging` calls on behalf of a guest. The sender is the handle whose turn runs, never something that a guest
 * said.
 * @throws an error with a `MESSAGING_…` or `SECURITY_PERMISSION_DENIED` code, which `messageFailureOf` turns into
 * WIT's `messaging-error`.
 */
export interface MessageRouter {
  /** Puts the message into the target's mailbox. */
  send(from: ComponentHandle, to: ComponentId, payload: Uint8Array): void;
  /** Sends and answers a correlation id; the answer or its failure comes by `handle-callback`. 0 ms: the default. */
  request(from: ComponentHandle, to: ComponentId, payload: Uint8Array, timeoutMs: number): string;
  /** Ends an open request of `from`; its answer will be dropped. */
  cancelRequest(from: ComponentHandle, correlationId: string): void;
}

/** A request whose turn is suspended until the answer is there. */
export interface AskRouter {
  /**
   * Rejects as `MessageRouter` throws, and with the failure of the request. A circle of actors that wait for each other is
   * `MESSAGING_DEADLOCK` at once.
   */
  ask(from: ComponentHandle, to: ComponentId, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
}

/** What `host-messaging` calls to reach many at once. */
export interface BroadcastRouter {
  /** Answers how many targets took the message. */
  broadcast(from: ComponentHandle, targets: readonly ComponentId[], payload: Uint8Array): number;
}

/** What `host-messaging` calls for topics. */
export interface TopicRouter {
  /** Answers how many subscribers took the message. */
  publish(from: ComponentHandle, topic: string, payload: Uint8Array): number;
  subscribe(subscriber: ComponentHandle, topic: string): void;
  unsubscribe(subscriber: ComponentHandle, topic: string): void;
}

/** All that a guest's turn may call. */
export type GuestRouter = MessageRouter & AskRouter & BroadcastRouter & TopicRouter;

export type MessagingAction = 'send' | 'request' | 'broadcast' | 'publish' | 'subscribe';

/** Whether a component may reach a target. Asked at each use, on the resolved target. */
export interface MessagingAuthority {
  /** @param target an id or a topic as text. @throws an error with the code `SECURITY_PERMISSION_DENIED` */
  authorise(from: ComponentHandle, action: MessagingAction, target: string): void;
}

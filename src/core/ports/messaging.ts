import type { ComponentId } from '../component-id.ts';
import type { ComponentHandle } from '../handle.ts';
import type { Later } from '../waiting/index.ts';

/**
 * The functions that `host-messaging` calls on behalf of a guest. The sender is the handle whose turn runs, never a
 * claim of the guest.
 * @throws an error with a `MESSAGING_…` or `SECURITY_PERMISSION_DENIED` code, which `messageFailureOf` converts to
 * WIT's `messaging-error`
 */
export interface MessageRouter {
  /** Puts the message into the target's mailbox. */
  send(from: ComponentHandle, to: ComponentId, payload: Uint8Array): void;
  /**
   * Sends a request and returns its correlation id. `handle-callback` delivers the answer or its failure. 0 ms stands
   * for the default.
   */
  request(from: ComponentHandle, to: ComponentId, payload: Uint8Array, timeoutMs: number): string;
  /** Ends an open request of `from`; its answer will be dropped. */
  cancelRequest(from: ComponentHandle, correlationId: string): void;
}

/** Makes requests that suspend their turn until the answer arrives. */
export interface AskRouter {
  /**
   * Ends in the answer or in the failure of the request. A circle of actors that wait for each other ends at once in
   * `MESSAGING_DEADLOCK`.
   * @throws as `MessageRouter`
   */
  ask(from: ComponentHandle, to: ComponentId, payload: Uint8Array, timeoutMs: number): Later<Uint8Array>;
}

/** The function that `host-messaging` calls to reach many targets at once. */
export interface BroadcastRouter {
  /** Returns how many targets accepted the message. */
  broadcast(from: ComponentHandle, targets: readonly ComponentId[], payload: Uint8Array): number;
}

/** The functions that `host-messaging` calls for topics. */
export interface TopicRouter {
  /** Returns how many subscribers accepted the message. */
  publish(from: ComponentHandle, topic: string, payload: Uint8Array): number;
  subscribe(subscriber: ComponentHandle, topic: string): void;
  unsubscribe(subscriber: ComponentHandle, topic: string): void;
}

/** Everything that a guest's turn may call. */
export type GuestRouter = MessageRouter & AskRouter & BroadcastRouter & TopicRouter;

export type MessagingAction = 'send' | 'request' | 'broadcast' | 'publish' | 'subscribe';

/** Decides whether a component may reach a target. It is asked at each use about the resolved target. */
export interface MessagingAuthority {
  /** @param target an id or a topic as text. @throws an error with the code `SECURITY_PERMISSION_DENIED` */
  authorise(from: ComponentHandle, action: MessagingAction, target: string): void;
}

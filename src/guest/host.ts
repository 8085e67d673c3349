import * as messaging from 'vivarium:actor/host-messaging@0.1.0';
import * as services from 'vivarium:actor/host-services@0.1.0';
import * as store from 'vivarium:actor/storage@0.1.0';
import { fromHost } from './errors.ts';
import type { Message } from './message.ts';
import type { ComponentId, LogLevel, Target, Value } from './types.ts';
import { decodeValue, encodeValue, formatId, toComponentId } from './values.ts';

/** Called with the reply, or with a message whose `failure` says why there is no reply. */
export type ReplyHandler = (reply: Message) => unknown;

export interface RequestOptions {
  /** Milliseconds to wait for the reply; the runtime's default if left out. */
  readonly timeoutMs?: number;
}

const waiting = new Map<string, ReplyHandler>();

/** Returns this component's own id. */
export function self(): ComponentId {
  return messaging.selfId();
}

/** Puts a message into the target's mailbox. @throws {MessageError} */
export function send(target: Target, value: Value): void {
  fromHost(() => messaging.send(toComponentId(target), encodeValue(value)));
}

/**
 * Sends a message and does not wait for the reply. The handler is called once, in a later turn, with the reply or the failure.
 * @returns the correlation id, for `cancelRequest`. @throws {MessageError}
 */
export function request(target: Target, value: Value, onReply: ReplyHandler, options: RequestOptions = {}): string {
  const id = fromHost(() => messaging.request(toComponentId(target), encodeValue(value), options.timeoutMs ?? 0));
  waiting.set(id, onReply);
  return id;
}

/**
 * Sends a message and waits for the reply. The turn is suspended meanwhile. The result is a parsed value if the reply is JSON,
 * else text if it is UTF-8, else bytes. Only one `ask` can wait at a time: to wait for several replies at once, use `request`.
 * @throws {MessageError} if the host refuses the message, or if there is no reply
 */
// biome-ignore lint/suspicious/noExplicitAny: the component that replies chooses the type
export async function ask(target: Target, value: Value, options: RequestOptions = {}): Promise<any> {
  return decodeValue(fromHost(() => messaging.ask(toComponentId(target), encodeValue(value), options.timeoutMs ?? 0)));
}

/** Resolves after `ms` milliseconds. The turn's timers and requests go on meanwhile. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Cancels a request, so that its handler is not called. @throws {MessageError} if the request has already ended */
export function cancelRequest(correlationId: string): void {
  waiting.delete(correlationId);
  fromHost(() => messaging.cancelRequest(correlationId));
}

/** Sends a message to several targets. @returns how many of them accepted it. @throws {MessageError} */
export function broadcast(targets: readonly Target[], value: Value): number {
  return fromHost(() => messaging.broadcast(targets.map(toComponentId), encodeValue(value)));
}

/** Publishes a message to a topic. @returns how many subscribers accepted it. @throws {MessageError} */
export function publish(topic: string, value: Value): number {
  return fromHost(() => messaging.publish(topic, encodeValue(value)));
}

/** Subscribes to a topic. Its messages arrive like any others, with `topic` set. @throws {MessageError} */
export function subscribe(topic: string): void {
  fromHost(() => messaging.subscribe(topic));
}

export function unsubscribe(topic: string): void {
  fromHost(() => messaging.unsubscribe(topic));
}

export function log(level: LogLevel, message: string, context: Readonly<Record<string, unknown>> = {}): void {
  services.log(
    level,
    message,
    Object.entries(context).map(([key, value]) => [key, String(value)] as const),
  );
}

/** Returns the milliseconds since 1970. */
export function now(): number {
  return Number(services.currentTimeMillis());
}

/** Returns the ids of all loaded components, as text. */
export function listComponents(): string[] {
  return services.listComponents().map(formatId);
}

/**
 * Stores bytes by key. Each component has its own keys, and they outlive a restart. A failed call throws a `MessageError` whose
 * `tag` is the case of WIT's `storage-error`.
 */
export const storage = {
  get: (key: string): Uint8Array | undefined => fromHost(() => store.get(key) ?? undefined),
  set: (key: string, value: Value): void => fromHost(() => store.set(key, encodeValue(value))),
  delete: (key: string): boolean => fromHost(() => store.delete(key)),
  exists: (key: string): boolean => fromHost(() => store.exists(key)),
  listKeys: (prefix = ''): string[] => fromHost(() => store.listKeys(prefix)),
};

/** Removes and returns the handler that waits for this reply. */
export function takeReplyHandler(correlationId: string | undefined): ReplyHandler | undefined {
  if (correlationId === undefined) return undefined;
  const handler = waiting.get(correlationId);
  waiting.delete(correlationId);
  return handler;
}

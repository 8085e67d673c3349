import * as messaging from 'vivarium:actor/host-messaging@0.1.0';
import * as services from 'vivarium:actor/host-services@0.1.0';
import * as store from 'vivarium:actor/storage@0.1.0';
import { fromHost } from './errors.ts';
import type { Message } from './message.ts';
import type { ComponentId, LogLevel, Target, Value } from './types.ts';
import { decodeValue, encodeValue, formatId, toComponentId } from './values.ts';

/** Called with the answer, or with a message whose `failure` says why there is none. */
export type ReplyHandler = (reply: Message) => unknown;

export interface RequestOptions {
  /** Milliseconds; the runtime's default when left out. */
  readonly timeoutMs?: number;
}

const waiting = new Map<string, ReplyHandler>();

/** This component's own id. */
export function self(): ComponentId {
  return messaging.selfId();
}

/** Puts a message into the target's mailbox. @throws {MessageError} */
export function send(target: Target, value: Value): void {
  fromHost(() => messaging.send(toComponentId(target), encodeValue(value)));
}

/**
 * Sends, and goes on: a turn does not wait. The handler is called in a later turn, once, with the answer or the failure.
 * @returns the correlation id, for `cancelRequest`. @throws {MessageError}
 */
export function request(target: Target, value: Value, onReply: ReplyHandler, options: RequestOptions = {}): string {
  const id = fromHost(() => messaging.request(toComponentId(target), encodeValue(value), options.timeoutMs ?? 0));
  waiting.set(id, onReply);
  return id;
}

/**
 * Sends, and waits for the answer in this turn, which is suspended meanwhile. The answer is JSON where it is JSON, else text
 * where it is UTF-8, else bytes. One `ask` waits at a time: for several answers side by side make a `request` of each.
 * @throws {MessageError} the host's refusal, or why there is no answer
 */
// biome-ignore lint/suspicious/noExplicitAny: what it is, who answers chose
export async function ask(target: Target, value: Value, options: RequestOptions = {}): Promise<any> {
  return decodeValue(fromHost(() => messaging.ask(toComponentId(target), encodeValue(value), options.timeoutMs ?? 0)));
}

/** Resolves after some milliseconds; timers and requests of the turn go on meanwhile. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Ends a request; its handler will not be called. @throws {MessageError} when it has ended already */
export function cancelRequest(correlationId: string): void {
  waiting.delete(correlationId);
  fromHost(() => messaging.cancelRequest(correlationId));
}

/** Answers how many of the targets took the message. @throws {MessageError} */
export function broadcast(targets: readonly Target[], value: Value): number {
  return fromHost(() => messaging.broadcast(targets.map(toComponentId), encodeValue(value)));
}

/** Answers how many subscribers took the message. @throws {MessageError} */
export function publish(topic: string, value: Value): number {
  return fromHost(() => messaging.publish(topic, encodeValue(value)));
}

/** Messages to the topic arrive like any other, with `topic` set. @throws {MessageError} */
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

/** Milliseconds since 1970. */
export function now(): number {
  return Number(services.currentTimeMillis());
}

/** The ids of all loaded components, as text. */
export function listComponents(): string[] {
  return services.listComponents().map(formatId);
}

/** Bytes by key, in a space of this component's own that outlives a restart. Calls throw WIT's `storage-error` record. */
export const storage = {
  get: (key: string): Uint8Array | undefined => fromHost(() => store.get(key) ?? undefined),
  set: (key: string, value: Value): void => fromHost(() => store.set(key, encodeValue(value))),
  delete: (key: string): boolean => fromHost(() => store.delete(key)),
  exists: (key: string): boolean => fromHost(() => store.exists(key)),
  listKeys: (prefix = ''): string[] => fromHost(() => store.listKeys(prefix)),
};

/** The handler that waits for this answer; it is asked for once. */
export function takeReplyHandler(correlationId: string | undefined): ReplyHandler | undefined {
  if (correlationId === undefined) return undefined;
  const handler = waiting.get(correlationId);
  waiting.delete(correlationId);
  return handler;
}

import { shownValue } from '#core/text';
import type { ActorCell } from './actor-cell.ts';
import { MessagingError } from './errors.ts';

/** Only ASCII segments, as in component ids, so that no two names look alike. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}(?:\/[a-z0-9][a-z0-9._-]{0,62}){0,7}$/;
const MAX_NAME = 8 * 64;
const NOBODY: ReadonlySet<ActorCell> = new Set();

/**
 * The subscribers of each topic. Subscribing twice counts once, and subscribers are served in the order of their
 * subscriptions.
 */
export class Topics {
  readonly #subscribers = new Map<string, Set<ActorCell>>();
  readonly #maxTopicsPerActor: number;

  constructor(maxTopicsPerActor: number) {
    this.#maxTopicsPerActor = maxTopicsPerActor;
  }

  subscribe(cell: ActorCell, topic: string): void {
    if (cell.topics.has(topic)) return;
    if (cell.topics.size >= this.#maxTopicsPerActor) {
      const message = `${cell.key} is subscribed to ${cell.topics.size} topics, which is the maximum; unsubscribe from some`;
      throw new MessagingError('MESSAGING_QUEUE_FULL', message);
    }
    const subscribers = this.#subscribers.get(topic);
    if (subscribers === undefined) this.#subscribers.set(topic, new Set([cell]));
    else subscribers.add(cell);
    cell.topics.add(topic);
  }

  unsubscribe(cell: ActorCell, topic: string): void {
    if (!cell.topics.delete(topic)) return;
    const subscribers = this.#subscribers.get(topic);
    subscribers?.delete(cell);
    if (subscribers?.size === 0) this.#subscribers.delete(topic);
  }

  unsubscribeAll(cell: ActorCell): void {
    for (const topic of cell.topics) this.unsubscribe(cell, topic);
  }

  subscribers(topic: string): ReadonlySet<ActorCell> {
    return this.#subscribers.get(topic) ?? NOBODY;
  }
}

/** @throws {MessagingError} `MESSAGING_INVALID` */
export function checkTopic(topic: string): string {
  if (typeof topic === 'string' && topic.length <= MAX_NAME && NAME.test(topic)) return topic;
  throw new MessagingError(
    'MESSAGING_INVALID',
    `${shownValue(topic)} is not a topic; write one to eight segments divided by /, each matching [a-z0-9][a-z0-9._-]{0,62}`,
  );
}

import { type ComponentHandle, type ComponentId, checkComponentId, formatComponentId } from '#core';
import { isVivariumError } from '#core/errors';
import type { AskRouter, BroadcastRouter, MessageRouter, MessagingAction, TopicRouter } from '#core/ports/messaging';
import type { Later } from '#core/waiting';
import type { ActorCell, PendingRequest } from './actor-cell.ts';
import { MessagingError } from './errors.ts';
import type { Router } from './router.ts';
import { checkTopic } from './topics.ts';

/**
 * What guests may do with messages. Host functions call this in the middle of a turn, and nothing here runs another
 * actor's turn.
 */
export class GuestMessaging implements MessageRouter, AskRouter, BroadcastRouter, TopicRouter {
  readonly #router: Router;
  readonly #tell: (request: PendingRequest, payload: Uint8Array | undefined, failure: unknown) => void;

  constructor(router: Router) {
    this.#router = router;
    const { delivery } = router;
    this.#tell = delivery.postCallback.bind(delivery);
  }

  send(from: ComponentHandle, to: ComponentId, payload: Uint8Array): void {
    const sender = this.#router.byHandle(from);
    const target = this.#target(from, 'send', to);
    const { delivery } = this.#router;
    delivery.post(target, delivery.message(from.id, sender, payload, undefined, undefined, undefined));
  }

  request(from: ComponentHandle, to: ComponentId, payload: Uint8Array, timeoutMs: number): string {
    const sender = this.#asker(from);
    const target = this.#target(from, 'request', to);
    const { requests } = this.#router;
    const request = requests.openCallback(sender, target, this.#timeout(timeoutMs), this.#tell);
    this.#post(target, sender, payload, request);
    return request.correlationId.toString();
  }

  ask(from: ComponentHandle, to: ComponentId, payload: Uint8Array, timeoutMs: number): Later<Uint8Array> {
    const sender = this.#asker(from);
    const target = this.#target(from, 'request', to);
    const { requests } = this.#router;
    const request = requests.openAsk(sender, target, this.#timeout(timeoutMs));
    this.#post(target, sender, payload, request);
    requests.endIfCircular(request);
    return request.reply;
  }

  cancelRequest(from: ComponentHandle, correlationId: string): void {
    const request = this.#router.byHandle(from).openRequests.get(correlationId);
    if (request === undefined) {
      this.#router.counters.forgedReplies += 1;
      throw new MessagingError('MESSAGING_INVALID', 'no open request of this component has that correlation id');
    }
    this.#router.requests.cancel(request);
  }

  broadcast(from: ComponentHandle, targets: readonly ComponentId[], payload: Uint8Array): number {
    const sender = this.#router.byHandle(from);
    const { delivery, deadLetters } = this.#router;
    const found = targets.map((id) => this.#targetOrMissing(from, id));
    let taken = 0;
    for (const [index, target] of found.entries()) {
      const envelope = delivery.message(from.id, sender, payload, undefined, undefined, undefined);
      if (target instanceof MessagingError) deadLetters.add(targets[index]!, envelope, 'refused', target);
      else if (delivery.postOrBury(target, envelope)) taken += 1;
    }
    return taken;
  }

  publish(from: ComponentHandle, topic: string, payload: Uint8Array): number {
    const sender = this.#router.byHandle(from);
    this.#router.authority?.authorise(from, 'publish', checkTopic(topic));
    return this.#router.publish(from.id, sender, checkTopic(topic), payload, undefined);
  }

  subscribe(subscriber: ComponentHandle, topic: string): void {
    const cell = this.#router.byHandle(subscriber);
    this.#router.authority?.authorise(subscriber, 'subscribe', checkTopic(topic));
    this.#router.topics.subscribe(cell, checkTopic(topic));
  }

  unsubscribe(subscriber: ComponentHandle, topic: string): void {
    this.#router.topics.unsubscribe(this.#router.byHandle(subscriber), checkTopic(topic));
  }

  #post(target: ActorCell, sender: ActorCell, payload: Uint8Array, request: PendingRequest): void {
    const { delivery, requests } = this.#router;
    try {
      delivery.post(target, delivery.message(sender.id, sender, payload, undefined, request, undefined));
    } catch (error) {
      requests.withdraw(request);
      throw error;
    }
  }

  #asker(from: ComponentHandle): ActorCell {
    const cell = this.#router.byHandle(from);
    if (cell.openRequests.size >= cell.maxOpenRequests) {
      const message = `${cell.key} has ${cell.openRequests.size} open requests, which is the most; wait for answers or cancel some`;
      throw new MessagingError('MESSAGING_QUEUE_FULL', message);
    }
    return cell;
  }

  /** Checks permission before existence, so that a guest without permission cannot find out which components exist. */
  #target(from: ComponentHandle, action: MessagingAction, to: ComponentId): ActorCell {
    const { authority } = this.#router;
    if (authority !== undefined) authority.authorise(from, action, formatComponentId(checkComponentId(to)));
    return this.#router.byId(to);
  }

  #targetOrMissing(from: ComponentHandle, to: ComponentId): ActorCell | MessagingError {
    try {
      return this.#target(from, 'broadcast', to);
    } catch (error) {
      if (error instanceof MessagingError && isVivariumError(error, 'MESSAGING_TARGET_NOT_FOUND')) return error;
      throw error;
    }
  }

  #timeout(timeoutMs: number): number {
    return timeoutMs > 0 ? timeoutMs : this.#router.requestTimeoutMs;
  }
}

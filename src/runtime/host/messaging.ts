import { type ComponentId, isVivariumError, type MessageFailureTag, type MessageRouter, type TopicRouter } from '#core';
import type { HostLinker } from '../host-linker.ts';
import type { CurrentStore } from '../host-state.ts';

/** More targets in one call would be much host work for little fuel. */
const MAX_TARGETS = 1_000;

const FAILURES: Readonly<Record<string, MessageFailureTag>> = {
  MESSAGING_QUEUE_FULL: 'queue-full',
  MESSAGING_TIMEOUT: 'correlation-timeout',
  MESSAGING_TARGET_NOT_FOUND: 'target-not-found',
  MESSAGING_INVALID: 'invalid-message',
  MESSAGING_CANCELLED: 'cancelled',
  SECURITY_PERMISSION_DENIED: 'permission-denied',
  CORE_INVALID_ID: 'target-not-found',
};

/** `host-messaging`: the router on behalf of the component that calls. Without a router all but `self-id` is unavailable. */
export function registerMessagingFunctions(
  linker: HostLinker,
  current: CurrentStore,
  router: (MessageRouter & TopicRouter) | undefined,
): void {
  const self = (): ComponentId => current.state.handle.id;
  const via = <T>(call: (router: MessageRouter & TopicRouter) => T): T => {
    if (router === undefined) throw { tag: 'unavailable', val: 'this runtime has no message router' };
    try {
      return call(router);
    } catch (thrown) {
      if (!isVivariumError(thrown)) throw thrown;
      throw { tag: FAILURES[thrown.code] ?? 'delivery-failed', val: thrown.message };
    }
  };

  linker.define('vivarium:actor/host-messaging@0.1.0', {
    selfId: self,
    send: (target: ComponentId, payload: Uint8Array) => via((to) => to.send(self(), target, payload)),
    request: (target: ComponentId, payload: Uint8Array, timeoutMs: number) =>
      via((to) => to.request(self(), target, payload, timeoutMs)),
    ask(): never {
      throw { tag: 'unavailable', val: 'a turn cannot be suspended: use request, the answer comes by handle-callback' };
    },
    cancelRequest: (correlationId: string) => via((to) => to.cancelRequest(self(), correlationId)),
    broadcast(targets: readonly ComponentId[], payload: Uint8Array): number {
      if (targets.length > MAX_TARGETS) {
        throw { tag: 'invalid-message', val: `${targets.length} targets in one call; give at most ${MAX_TARGETS}` };
      }
      let taken = 0;
      for (const target of targets) {
        try {
          via((to) => to.send(self(), target, payload));
          taken += 1;
        } catch (refusal) {
          if (refusal instanceof Error) throw refusal;
        }
      }
      return taken;
    },
    publish: (topic: string, payload: Uint8Array) => via((to) => to.publish(self(), topic, payload)),
    subscribe: (topic: string) => via((to) => to.subscribe(self(), topic)),
    unsubscribe: (topic: string) => via((to) => to.unsubscribe(self(), topic)),
  });
}

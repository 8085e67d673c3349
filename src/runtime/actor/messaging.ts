import type { ComponentHandle, ComponentId } from '#core';
import { isVivariumError } from '#core/errors';
import { messageFailureOf } from '#core/messages';
import type { GuestRouter } from '#core/ports/messaging';
import type { CurrentStore, HostLinker } from '#runtime/host';

/** The most targets of one call, because more would make the host work much for little fuel. */
const MAX_TARGETS = 10_000;

/** Defines `host-messaging`, which calls the router for the calling component. Without a router only `self-id` works. */
export function registerMessagingFunctions(
  linker: HostLinker,
  current: CurrentStore,
  router: GuestRouter | undefined,
): void {
  const self = (): ComponentHandle => current.state.handle;
  const via = <T>(call: (router: GuestRouter) => T): T => {
    if (router === undefined) throw { tag: 'unavailable', val: 'this runtime has no message router' };
    try {
      return call(router);
    } catch (thrown) {
      if (!isVivariumError(thrown)) throw thrown;
      throw messageFailureOf(thrown);
    }
  };

  linker.define('vivarium:actor/host-messaging@0.1.0', {
    selfId: () => self().id,
    send: (target: ComponentId, payload: Uint8Array) => via((to) => to.send(self(), target, payload)),
    request: (target: ComponentId, payload: Uint8Array, timeoutMs: number) =>
      via((to) => to.request(self(), target, payload, timeoutMs)),
    ask(target: ComponentId, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
      const answer = via((to) => to.ask(self(), target, payload, timeoutMs)).catch((thrown: unknown) => {
        throw isVivariumError(thrown) ? messageFailureOf(thrown) : thrown;
      });
      // If the turn has ended, nobody waits for the answer, and its rejection must not count as unhandled.
      answer.catch(() => {});
      return answer;
    },
    cancelRequest: (correlationId: string) => via((to) => to.cancelRequest(self(), correlationId)),
    broadcast(targets: readonly ComponentId[], payload: Uint8Array): number {
      if (targets.length > MAX_TARGETS) {
        throw { tag: 'invalid-message', val: `${targets.length} targets in one call; give at most ${MAX_TARGETS}` };
      }
      return via((to) => to.broadcast(self(), targets, payload));
    },
    publish: (topic: string, payload: Uint8Array) => via((to) => to.publish(self(), topic, payload)),
    subscribe: (topic: string) => via((to) => to.subscribe(self(), topic)),
    unsubscribe: (topic: string) => via((to) => to.unsubscribe(self(), topic)),
  });
}

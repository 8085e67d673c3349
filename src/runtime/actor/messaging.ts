import type { ComponentId } from '#core';
import { isVivariumError } from '#core/errors';
import { messageFailureOf } from '#core/messages';
import type { GuestRouter } from '#core/ports/messaging';
import type { Later } from '#core/waiting';
import type { HostLinker, HostState } from '#runtime/host';

/** The most targets of one call, because more would make the host work much for little fuel. */
const MAX_TARGETS = 10_000;

/** Defines `host-messaging`, which calls the router for the calling component. Without a router only `self-id` works. */
export function registerMessagingFunctions(linker: HostLinker, router: GuestRouter | undefined): void {
  const via = <T>(call: (router: GuestRouter) => T): T => {
    if (router === undefined) throw { tag: 'unavailable', val: 'this runtime has no message router' };
    try {
      return call(router);
    } catch (thrown) {
      throw toldToGuest(thrown);
    }
  };

  const functions = {
    selfId: ({ handle }: HostState) => handle.id,
    send: ({ handle }: HostState, target: ComponentId, payload: Uint8Array) =>
      via((to) => to.send(handle, target, payload)),
    request: ({ handle }: HostState, target: ComponentId, payload: Uint8Array, timeoutMs: number) =>
      via((to) => to.request(handle, target, payload, timeoutMs)),
    ask: ({ handle }: HostState, target: ComponentId, payload: Uint8Array, timeoutMs: number): Later<Uint8Array> =>
      via((to) => to.ask(handle, target, payload, timeoutMs)).failingAs(toldToGuest),
    cancelRequest: ({ handle }: HostState, correlationId: string) =>
      via((to) => to.cancelRequest(handle, correlationId)),
    broadcast({ handle }: HostState, targets: readonly ComponentId[], payload: Uint8Array): number {
      if (targets.length > MAX_TARGETS) {
        throw { tag: 'invalid-message', val: `${targets.length} targets in one call; give at most ${MAX_TARGETS}` };
      }
      return via((to) => to.broadcast(handle, targets, payload));
    },
    publish: ({ handle }: HostState, topic: string, payload: Uint8Array) =>
      via((to) => to.publish(handle, topic, payload)),
    subscribe: ({ handle }: HostState, topic: string) => via((to) => to.subscribe(handle, topic)),
    unsubscribe: ({ handle }: HostState, topic: string) => via((to) => to.unsubscribe(handle, topic)),
  };
  // The functions are the same: those that are asynchronous in 0.2.0 answer promises in both, if they have to wait.
  linker.define('vivarium:actor/host-messaging@0.1.0', functions);
  linker.define('vivarium:actor/host-messaging@0.2.0', functions);
}

/** The error case for what the router throws. Anything else ends the store. */
function toldToGuest(thrown: unknown): unknown {
  return isVivariumError(thrown) ? messageFailureOf(thrown) : thrown;
}

import type { Unsubscribe } from '#core/waiting';
import { Continuation } from '#runtime/execution';
import type { HostState } from '#runtime/host';
import { HostCharge } from './host-charge.ts';

/** Something that a turn can wait for. */
export interface Readiness {
  /** Whether waiting for it would end at once. */
  ready(): boolean;
  /**
   * Calls `wake` whenever `ready` may have changed, until that is taken back. It may call once too often, and outside of a
   * turn.
   */
  whenReady(wake: () => void): Unsubscribe;
}

export const ALWAYS_READY: Readiness = { ready: () => true, whenReady: () => () => {} };

/** What one registration costs the host: closures, and its place among those who wait. */
const WAIT_BYTES = 256;

/** What a host function answers that may have to wait: its value, or a promise of what goes on in the turn. */
export type Waited<T> = T | Promise<Continuation>;

/** Does `then` in the turn as soon as something is ready: now, or after the turn has waited. */
export function onceReady<T>(state: HostState, what: Readiness, then: () => Waited<T>): Waited<T> {
  return what.ready() ? then() : afterWake(state, [what], () => onceReady(state, what, then));
}

/**
 * Resolves when one of `all` may have become ready, or the store ends, and nobody is registered anywhere any more. Then `then`
 * goes on in the turn; it must look for itself, because a wake may come too early.
 */
export function afterWake<T>(
  state: HostState,
  all: readonly Readiness[],
  then: () => Waited<T>,
): Promise<Continuation> {
  const charge = new HostCharge(state, all.length * WAIT_BYTES);
  const { ending } = state;
  return new Promise((resolve) => {
    const registered: Unsubscribe[] = [];
    let woken = false;
    const wake = (): void => {
      if (woken) return;
      woken = true;
      for (const unsubscribe of registered) unsubscribe();
      ending.removeEventListener('abort', wake);
      charge.end();
      resolve(new Continuation(then));
    };
    ending.addEventListener('abort', wake, { once: true });
    for (const each of all) {
      const unsubscribe = each.whenReady(wake);
      if (!woken) registered.push(unsubscribe);
      else {
        unsubscribe();
        break;
      }
    }
  });
}

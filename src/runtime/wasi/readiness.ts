import { onAbort, type Unsubscribe } from '#core/waiting';
import { Continuation, cancellable, type HostState } from '#runtime/host';
import { HostCharge } from './host-charge.ts';

/** Something that a turn can wait for. */
export interface Readiness {
  /** Whether a wait for it would end at once. */
  ready(): boolean;
  /**
   * Calls `wake` whenever `ready` may have changed, until the caller unsubscribes. It may call more often than needed, and outside a
   * turn.
   */
  whenReady(wake: () => void): Unsubscribe;
}

export const ALWAYS_READY: Readiness = { ready: () => true, whenReady: () => () => {} };

/** What one registration costs the host: closures, and an entry in a list of callbacks. */
const WAIT_BYTES = 256;

/** What a host function returns that may have to wait: its value, or a promise of a continuation that runs in the turn. */
export type Waited<T> = T | Promise<Continuation>;

/** Runs `then` in the turn as soon as `what` is ready: at once, or after the turn has waited. */
export function onceReady<T>(state: HostState, what: Readiness, then: () => Waited<T>): Waited<T> {
  return what.ready() ? then() : afterWake(state, [what], () => onceReady(state, what, then));
}

/**
 * Resolves when one of `all` may have become ready or the store ends, after it has removed all its registrations. Then `then` runs in
 * the turn. It must check readiness itself, because a wake may come too early. A guest that cancels the call ends the wait.
 */
export function afterWake<T>(
  state: HostState,
  all: readonly Readiness[],
  then: () => Waited<T>,
): Promise<Continuation> {
  const charge = new HostCharge(state, all.length * WAIT_BYTES);
  const { ending } = state;
  const { promise, resolve } = Promise.withResolvers<Continuation>();
  const registered: Unsubscribe[] = [];
  let woken = false;
  const wake = (): void => {
    if (woken) return;
    woken = true;
    for (const unsubscribe of registered) unsubscribe();
    unlisten();
    charge.end();
    resolve(new Continuation(then));
  };
  const unlisten = onAbort(ending, wake);
  for (const each of all) {
    const unsubscribe = each.whenReady(wake);
    if (!woken) registered.push(unsubscribe);
    else {
      unsubscribe();
      break;
    }
  }
  return cancellable(promise, wake);
}

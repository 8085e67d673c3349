import { Quota } from '#core/limits';
import type { HostState } from '#runtime/host';

/** Sockets of one store at a time. */
const MAX_SOCKETS = 16;

/** Sockets of all stores of a runtime: a process may often have no more than 1,024 descriptors. */
const MAX_SOCKETS_OF_RUNTIME = 256;

/** What a socket's buffers may come to, 64 KiB each way, in pieces. */
const SOCKET_BYTES = 256 * 1024;

/** The places that sockets take: of their store, of the runtime, and in what the host keeps for the store. */
export class SocketPlaces {
  readonly #all = new Quota(MAX_SOCKETS_OF_RUNTIME);
  readonly #stores = new WeakMap<HostState, Quota>();

  /** Answers how to give the place back, once or more; undefined where there is none. */
  take(state: HostState): (() => void) | undefined {
    const own = this.#stores.get(state) ?? new Quota(MAX_SOCKETS);
    this.#stores.set(state, own);
    const taken: [Quota, number][] = [];
    const leave = (): void => {
      for (const [quota, amount] of taken.splice(0)) quota.giveBack(amount);
    };
    for (const [quota, amount] of [
      [own, 1],
      [this.#all, 1],
      [state.hostMemory, SOCKET_BYTES],
    ] as const) {
      if (!quota.take(amount)) {
        leave();
        return undefined;
      }
      taken.push([quota, amount]);
    }
    return leave;
  }
}

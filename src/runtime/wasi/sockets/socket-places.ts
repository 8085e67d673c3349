import { Quota } from '#core/limits';
import type { HostState } from '#runtime/host';

/** The most sockets that one store may have at a time. */
const MAX_SOCKETS = 16;

/** The most sockets of all stores of a runtime together; many systems allow a process no more than 1,024 descriptors. */
const MAX_SOCKETS_OF_RUNTIME = 256;

/** The most memory that a socket's buffers may take: 64 KiB in each direction, in pieces with their overhead. */
const SOCKET_BYTES = 256 * 1024;

/** Counts sockets: those of each store, those of the runtime, and the bytes that the host keeps for them. */
export class SocketPlaces {
  readonly #all = new Quota(MAX_SOCKETS_OF_RUNTIME);
  readonly #stores = new WeakMap<HostState, Quota>();

  /** Takes a place for a socket. Returns the function that gives it back, which may be called repeatedly; undefined if none is free. */
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

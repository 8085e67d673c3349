import { KeptBytes, Quota } from '#core/limits';
import type { HostState } from '#runtime/host';

/** The most sockets that one store may have at a time. */
const MAX_SOCKETS = 16;

/** The most sockets of all stores of a runtime together; many systems allow a process no more than 1,024 descriptors. */
const MAX_SOCKETS_OF_RUNTIME = 256;

/** The most memory that a socket's buffers may take: 64 KiB in each direction, in pieces with their overhead. */
const SOCKET_BYTES = 256 * 1024;

/** What was taken of something, and how much. */
type Taken = [Pick<Quota, 'giveBack'>, number];

/** What one socket takes of the quotas. */
export class SocketPlace {
  readonly #taken: Taken[];
  readonly #descriptors: Quota;
  #hasDescriptor = true;

  /** @param taken what was taken, without the place among the sockets of the runtime, which is taken too */
  constructor(taken: Taken[], descriptors: Quota) {
    this.#taken = taken;
    this.#descriptors = descriptors;
  }

  /** Gives the place among the sockets of the runtime back, because the socket stays in memory and needs no descriptor. */
  stayInMemory(): void {
    if (!this.#hasDescriptor) return;
    this.#hasDescriptor = false;
    this.#descriptors.giveBack(1);
  }

  /** Takes the place among the sockets of the runtime again. Returns false if none is free. */
  leaveMemory(): boolean {
    this.#hasDescriptor ||= this.#descriptors.take(1);
    return this.#hasDescriptor;
  }

  /** Gives everything back. Safe to call repeatedly. */
  readonly giveBack = (): void => {
    this.stayInMemory();
    for (const [quota, amount] of this.#taken.splice(0)) quota.giveBack(amount);
  };
}

/** Counts sockets: those of each store, those of the runtime, and the bytes that the host keeps for them. */
export class SocketPlaces {
  readonly #all = new Quota(MAX_SOCKETS_OF_RUNTIME);
  readonly #stores = new WeakMap<HostState, Quota>();

  /** Takes a place for a socket. Returns undefined if none is free. */
  take(state: HostState): SocketPlace | undefined {
    const own = this.#stores.get(state) ?? new Quota(MAX_SOCKETS);
    this.#stores.set(state, own);
    const taken: Taken[] = [];
    for (const [quota, amount] of [
      [own, 1],
      [new KeptBytes(state), SOCKET_BYTES],
      [this.#all, 1],
    ] as const) {
      if (!quota.take(amount)) {
        for (const [each, part] of taken) each.giveBack(part);
        return undefined;
      }
      taken.push([quota, amount]);
    }
    return new SocketPlace(taken.slice(0, -1), this.#all);
  }
}

import type { NetworkConnection, NetworkListener, SocketAddress } from '#core/ports/network';
import { type Unsubscribe, Wakers } from '#core/waiting';
import { connectInMemory } from './memory-connection.ts';

/** The most connections that wait to be accepted, as for a listener that the network has. */
const MAX_PENDING = 8;

/** Ports that Linux gives to nobody who asks for any port (`ip_local_port_range` ends at 60,999), so that no server happens to have one. */
const [FIRST_PORT, LAST_PORT] = [61_000, 65_535];

/** The loopback addresses, in the spellings of the system and of `addresses.ts`. */
const ADDRESSES: ReadonlyMap<string, string> = new Map([
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
]);

type Accepted = NonNullable<ReturnType<NetworkListener['accept']>>;

/** Takes a place for a connection that arrives; gives the function that gives it back, and undefined if none is free. */
type Reserve = () => (() => void) | undefined;

/**
 * The loopback addresses of one store. Its sockets that connect to a listener of its own are connected in memory, without a grant,
 * since nothing leaves the store: `socketpair` of Python and of others binds any port of loopback and connects to it.
 */
export class Loopback {
  readonly #reserve: Reserve;
  readonly #listeners = new Map<string, LoopbackListener>();
  #lastPort = FIRST_PORT - 1;

  constructor(reserve: Reserve) {
    this.#reserve = reserve;
  }

  /** Whether a socket that binds the address can stay in memory: any port of a loopback address. */
  static takes({ address, port }: SocketAddress): boolean {
    return port === 0 && ADDRESSES.has(address);
  }

  /** Listens in memory, on a port that no other listener of the store has. */
  bind({ address }: SocketAddress): NetworkListener {
    return this.#listen({ address, port: this.#freePort(address) });
  }

  /** Lets a listener that the network has be reached from the store too. */
  attach(listener: NetworkListener): NetworkListener {
    return ADDRESSES.has(listener.local.address) ? this.#listen(listener.local, listener) : listener;
  }

  /**
   * @param bound the listener whose address the connection gets; it is closed first
   * @returns the connection to a listener of the store; undefined if none has the address
   * @throws `connection-refused` where too many wait already, or no place is free for the other end
   */
  connect(to: SocketAddress, bound: NetworkListener | undefined): NetworkConnection | undefined {
    const listener = this.#listeners.get(keyOf(to));
    if (listener === undefined || listener === bound) return undefined;
    const from = bound?.local ?? { address: to.address, port: this.#freePort(to.address) };
    const [near, far] = connectInMemory(from, to);
    if (!listener.offer(far, this.#reserve)) throw 'connection-refused';
    bound?.close();
    return near;
  }

  #listen(local: SocketAddress, outer?: NetworkListener): NetworkListener {
    const key = keyOf(local);
    const listener = new LoopbackListener(local, outer, () => void this.#listeners.delete(key));
    this.#listeners.set(key, listener);
    return listener;
  }

  /** There is one, because a store has fewer sockets than there are ports. */
  #freePort(address: string): number {
    do this.#lastPort = this.#lastPort === LAST_PORT ? FIRST_PORT : this.#lastPort + 1;
    while (this.#listeners.has(keyOf({ address, port: this.#lastPort })));
    return this.#lastPort;
  }
}

/** Accepts what comes from the store, and from the network if that has it too. */
class LoopbackListener implements NetworkListener {
  readonly local: SocketAddress;
  readonly changed: Wakers = new Wakers();
  readonly closed: Promise<void>;
  readonly #outer: NetworkListener | undefined;
  readonly #leave: () => void;
  readonly #unsubscribe: Unsubscribe | undefined;
  readonly #pending: Accepted[] = [];

  constructor(local: SocketAddress, outer: NetworkListener | undefined, leave: () => void) {
    this.local = local;
    this.closed = outer?.closed ?? Promise.resolve();
    this.#outer = outer;
    this.#leave = leave;
    this.#unsubscribe = outer?.changed.add(() => this.changed.wake());
  }

  get readable(): boolean {
    return this.#pending.length > 0 || this.#outer?.readable === true;
  }

  /** Keeps a connection until it is accepted. Returns false if it is not kept. */
  offer(connection: NetworkConnection, reserve: Reserve): boolean {
    const leave = this.#pending.length < MAX_PENDING ? reserve() : undefined;
    if (leave === undefined) return false;
    this.#pending.push({ connection, leave });
    this.changed.wake();
    return true;
  }

  accept(): Accepted | undefined {
    return this.#pending.shift() ?? this.#outer?.accept();
  }

  close(): void {
    this.#leave();
    this.#unsubscribe?.();
    this.#outer?.close();
    for (const { connection, leave } of this.#pending.splice(0)) {
      connection.close();
      leave();
    }
  }
}

function keyOf({ address, port }: SocketAddress): string {
  return `${ADDRESSES.get(address) ?? address} ${port}`;
}

import { BlockList, isIPv6, type Socket } from 'node:net';

/** A client has this part of all connections, unless its share is set. */
const DEFAULT_PART = 4;

/**
 * Addresses of one machine or one network, by IANA's registries of special purposes. A proxy, a balancer or the bridge of a container is
 * behind most of them, and all clients behind that.
 */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv6');

/** Bounds the connections of each client address, so that one client cannot take all that a server has. */
export class ConnectionShares {
  readonly #open = new Map<string, number>();
  readonly #share: number;
  readonly #spares: boolean;

  /** @param share the connections of one client; undefined for a part of all, which only public addresses have */
  constructor(maxConnections: number, share?: number) {
    this.#share = share ?? Math.max(1, Math.trunc(maxConnections / DEFAULT_PART));
    this.#spares = share === undefined;
  }

  /** Counts a connection until it closes. Returns false, and counts nothing, if its client has all that it may have. */
  enter(socket: Pick<Socket, 'remoteAddress' | 'once'>): boolean {
    const client = clientOf(socket.remoteAddress ?? '');
    if (this.#spares && isPrivate(client)) return true;
    const open = this.#open.get(client) ?? 0;
    if (open >= this.#share) return false;
    this.#open.set(client, open + 1);
    socket.once('close', () => this.#leave(client));
    return true;
  }

  #leave(client: string): void {
    const left = (this.#open.get(client) ?? 1) - 1;
    if (left === 0) this.#open.delete(client);
    else this.#open.set(client, left);
  }
}

/** The client of an address. A network of IPv6 that one client is given has 64 bits or more of addresses (RFC 6177), so all of them are one. */
export function clientOf(address: string): string {
  const [plain = ''] = address.split('%', 1);
  const v4 = plain.startsWith('::ffff:') ? plain.slice('::ffff:'.length) : plain;
  if (!isIPv6(v4)) return v4;
  const [before = '', after] = v4.split('::');
  const groups = before === '' ? [] : before.split(':');
  const missing = after === undefined ? 0 : 8 - groups.length - (after === '' ? 0 : after.split(':').length);
  const all = [...groups, ...Array<string>(missing).fill('0'), ...(after ? after.split(':') : [])];
  // The only address of its network that is of this machine.
  if (v4 === '::1') return v4;
  return `${all.slice(0, 4).join(':')}::`;
}

function isPrivate(client: string): boolean {
  return client === '' || PRIVATE.check(client, isIPv6(client) ? 'ipv6' : 'ipv4');
}

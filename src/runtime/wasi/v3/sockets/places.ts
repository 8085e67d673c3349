import type { IpSocketAddress } from '../../sockets/addresses.ts';

const V4_MAPPED = [0, 0, 0, 0, 0, 0xffff];

/** Any port of any address of a family. */
export function anyPlace(family: 'ipv4' | 'ipv6'): IpSocketAddress {
  return family === 'ipv4'
    ? { tag: family, val: { port: 0, address: [0, 0, 0, 0] } }
    : { tag: family, val: { port: 0, address: [0, 0, 0, 0, 0, 0, 0, 0], flowInfo: 0, scopeId: 0 } };
}

/** @throws `invalid-argument` for what can be no end of a connection: a multicast or broadcast address, or an IPv4 address as IPv6 */
export function checkUnicast({ tag, val: { address } }: IpSocketAddress): void {
  const [first = 0] = address;
  const isMulticast = tag === 'ipv4' ? first >> 4 === 14 : first >> 8 === 0xff;
  const isBroadcast = tag === 'ipv4' && address.every((part) => part === 255);
  const isMapped = tag === 'ipv6' && V4_MAPPED.every((part, index) => part === address[index]);
  if (isMulticast || isBroadcast || isMapped) throw 'invalid-argument';
}

/** @throws `invalid-argument` for what cannot be connected to */
export function checkRemote(remote: IpSocketAddress): void {
  checkUnicast(remote);
  if (remote.val.port === 0 || remote.val.address.every((part) => part === 0)) throw 'invalid-argument';
}

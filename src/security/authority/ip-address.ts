import { BlockList, isIP, isIPv4 } from 'node:net';

/**
 * Returns the canonical spelling of an IP address, or undefined for other texts. It reads decimal, octal and
 * hexadecimal IPv4 as the URL standard does, and compressed IPv6. IPv4 addresses inside IPv6 ones become plain IPv4.
 */
export function canonicalAddress(text: string): string | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  // A zone (`fe80::1%eth0`) selects an interface; the rest is the address.
  const unzoned = bare.includes(':') ? (bare.split('%', 1)[0] as string) : bare;
  const host = unzoned.includes(':') ? `[${unzoned}]` : unzoned;
  // The URL parser would read a port, a path or a user from such a text.
  if (!/^[0-9a-fA-FxX.]+$|^\[[0-9a-fA-F:.]+\]$/.test(host) || !URL.canParse(`http://${host}/`)) return undefined;
  const { hostname } = new URL(`http://${host}/`);
  const address = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  if (isIP(address) === 0) return undefined;
  return isIPv4(address) ? address : (embeddedIPv4(address) ?? address);
}

/**
 * Whether an address in canonical form leads to the public internet. Not public are the host itself, private and
 * link-local networks (cloud metadata services answer there), multicast, and all ranges of the IANA special-purpose
 * address registries (RFC 6890 and its updates).
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !NOT_PUBLIC.check(address, 'ipv4');
  return GLOBAL_UNICAST.check(address, 'ipv6') && !NOT_PUBLIC.check(address, 'ipv6');
}

/**
 * Returns the IPv4 host that IPv4-mapped (RFC 4291), IPv4-compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056) addresses
 * reach.
 */
function embeddedIPv4(address: string): string | undefined {
  const words = expand(address);
  const at = (index: number) => words[index] as number;
  const zero = (from: number, to: number) => words.slice(from, to).every((word) => word === 0);
  const low = dotted(at(6), at(7));
  if (zero(0, 5) && at(5) === 0xffff) return low;
  if (zero(0, 6) && at(6) !== 0) return low;
  if (at(0) === 0x64 && at(1) === 0xff9b && zero(2, 6)) return low;
  if (at(0) === 0x2002) return dotted(at(1), at(2));
  return undefined;
}

/** Returns the eight 16-bit words of an IPv6 address in the spelling of the URL standard. */
function expand(address: string): readonly number[] {
  const [head = '', tail] = address.split('::');
  const words = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)));
  if (tail === undefined) return words(head);
  const [before, after] = [words(head), words(tail)];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

const GLOBAL_UNICAST = new BlockList();
GLOBAL_UNICAST.addSubnet('2000::', 3, 'ipv6');

const NOT_PUBLIC = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's host answers here with data about the machine.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  NOT_PUBLIC.addSubnet(network, bits, 'ipv4');
}
for (const [network, bits] of [
  // Protocol assignments, including Teredo, which carries an obscured IPv4 address.
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  NOT_PUBLIC.addSubnet(network, bits, 'ipv6');
}

import type { SocketAddress } from '#core/ports/network';

/** `wasi:sockets/network.ip-address`: four bytes, or eight words of 16 bits. */
export type IpAddress = { readonly tag: 'ipv4' | 'ipv6'; readonly val: readonly number[] };

/** `wasi:sockets/network.ip-socket-address`. */
export type IpSocketAddress = {
  readonly tag: 'ipv4' | 'ipv6';
  readonly val: {
    readonly port: number;
    readonly address: readonly number[];
    readonly flowInfo?: number;
    readonly scopeId?: number;
  };
};

export function textOf({ tag, val }: IpAddress): string {
  return tag === 'ipv4' ? val.join('.') : val.map((word) => word.toString(16)).join(':');
}

export function ipAddressOf(text: string): IpAddress {
  if (!text.includes(':')) return { tag: 'ipv4', val: text.split('.').map(Number) };
  const [head = '', tail] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [before, after] = [words(head), words(tail ?? '')];
  const zeros = Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0);
  return { tag: 'ipv6', val: [...before, ...zeros, ...after] };
}

export function socketAddressOf({ tag, val }: IpSocketAddress): SocketAddress {
  return { address: textOf({ tag, val: val.address }), port: val.port };
}

export function ipSocketAddressOf({ address, port }: SocketAddress): IpSocketAddress {
  const { tag, val } = ipAddressOf(address);
  return { tag, val: tag === 'ipv4' ? { port, address: val } : { port, address: val, flowInfo: 0, scopeId: 0 } };
}

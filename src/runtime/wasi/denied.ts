import type { HostLinker } from '../host-linker.ts';
import { unavailable, unavailableCall } from './unavailable.ts';

/** Interfaces that a component may import and that no grant opens: listening and datagrams. */
export function defineDenied(linker: HostLinker): void {
  const udp = 'wasi:sockets/udp@0.2.0';
  linker.define(udp, unavailable(udp, ['UdpSocket', 'IncomingDatagramStream', 'OutgoingDatagramStream']));
  const refuse = (): never => {
    throw 'access-denied';
  };
  for (const [name, resources] of [
    ['wasi:sockets/network@0.2.0', ['Network']],
    ['wasi:sockets/tcp@0.2.0', ['TcpSocket']],
  ] as const) {
    linker.define(name, unavailable(name, resources));
  }
  linker.define('wasi:sockets/ip-name-lookup@0.2.0', {
    ...unavailable('wasi:sockets/ip-name-lookup@0.2.0', ['ResolveAddressStream']),
    resolveAddresses: refuse,
  });
  linker.define('wasi:sockets/tcp-create-socket@0.2.0', { createTcpSocket: refuse });
  linker.define('wasi:sockets/instance-network@0.2.0', {
    instanceNetwork: unavailableCall('wasi:sockets/instance-network'),
  });
  linker.define('wasi:sockets/udp-create-socket@0.2.0', {
    createUdpSocket: (): never => {
      throw 'not-supported';
    },
  });
}

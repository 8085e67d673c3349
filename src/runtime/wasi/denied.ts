import type { HostLinker } from '#runtime/host';
import { unavailable } from './unavailable.ts';

/** Interfaces that a component may import and that no grant opens: datagrams. */
export function defineDenied(linker: HostLinker): void {
  const udp = 'wasi:sockets/udp@0.2.0';
  linker.define(udp, unavailable(udp, ['UdpSocket', 'IncomingDatagramStream', 'OutgoingDatagramStream']));
  linker.define('wasi:sockets/udp-create-socket@0.2.0', {
    createUdpSocket: (): never => {
      throw 'not-supported';
    },
  });
}

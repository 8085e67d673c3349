import type { HostLinker } from '#runtime/host';
import type { SocketPlaces } from '../../sockets/socket-places.ts';
import type { TcpSockets } from '../../sockets/tcp.ts';
import { resolveAddresses } from './name-lookup.ts';
import { tcpSocketClass } from './tcp.ts';
import { udpSocketClass } from './udp.ts';

/** Defines `wasi:sockets` 0.3. Its sockets have places among those of version 0.2. */
export function defineSockets3(linker: HostLinker, places: SocketPlaces, sockets: TcpSockets): void {
  linker.define('wasi:sockets/types@0.3.0', {
    TcpSocket: tcpSocketClass(sockets),
    UdpSocket: udpSocketClass(places),
  });
  linker.define('wasi:sockets/ip-name-lookup@0.3.0', { resolveAddresses });
}

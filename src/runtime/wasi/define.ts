import { randomBytes } from 'node:crypto';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import type { HostLinker } from '#runtime/host';
import { defineCli } from './cli.ts';
import { defineClocks, GuestClocks } from './clocks.ts';
import { defineFilesystemPreopens } from './filesystem/preopens.ts';
import { defineFilesystemTypes } from './filesystem/types.ts';
import { Exchanges } from './http/exchange.ts';
import { defineOutgoingHandler } from './http/outgoing-handler.ts';
import { defineHttpTypes } from './http/types.ts';
import { defineIo } from './io.ts';
import { defineRandom } from './random.ts';
import { defineNameLookup } from './sockets/name-lookup.ts';
import { defineNetwork } from './sockets/network.ts';
import { SocketPlaces } from './sockets/socket-places.ts';
import { defineTcp, TcpSockets } from './sockets/tcp.ts';
import { defineUdp } from './sockets/udp.ts';
import { defineCli3 } from './v3/cli.ts';
import { defineClocks3 } from './v3/clocks.ts';
import { defineFilesystem3 } from './v3/filesystem/index.ts';
import { defineHttp3 } from './v3/http/define.ts';
import { defineSockets3 } from './v3/sockets/index.ts';

/** Defines the interfaces of WASI 0.2 and 0.3. Both versions share clocks, exchanges and sockets, and with them their bounds. */
export function defineWasi(linker: HostLinker, clock: Clock, random: Random): void {
  defineIo(linker);
  const clocks = new GuestClocks(clock);
  defineClocks(linker, clocks);
  defineRandom(linker, random);
  defineCli(linker);
  defineClocks3(linker, clocks);
  defineCli3(linker);
  defineFilesystemTypes(linker);
  const descriptors = { clock, key: randomBytes(32) };
  defineFilesystemPreopens(linker, descriptors);
  defineFilesystem3(linker, descriptors);
  defineHttpTypes(linker);
  const exchanges = new Exchanges();
  defineOutgoingHandler(linker, exchanges);
  defineHttp3(linker, exchanges);
  defineNetwork(linker);
  defineNameLookup(linker);
  const places = new SocketPlaces();
  const sockets = new TcpSockets(places);
  defineTcp(linker, sockets);
  defineUdp(linker, places);
  defineSockets3(linker, places, sockets);
}

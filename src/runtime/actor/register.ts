import { randomBytes } from 'node:crypto';
import type { Clock } from '#core/ports/clock';
import type { GuestRouter } from '#core/ports/messaging';
import type { Random } from '#core/ports/random';
import { HostLinker } from '#runtime/host';
import {
  defineAllClocks,
  defineCli,
  defineCli3,
  defineFilesystem3,
  defineFilesystemPreopens,
  defineFilesystemTypes,
  defineHttp3,
  defineHttpTypes,
  defineIo,
  defineNameLookup,
  defineNetwork,
  defineOutgoingHandler,
  defineRandom,
  defineSockets3,
  defineTcp,
  defineUdp,
  Exchanges,
  SocketPlaces,
  TcpSockets,
} from '#runtime/wasi';
import { registerMessagingFunctions } from './messaging.ts';
import { registerServicesFunctions, type ServicesPorts } from './services.ts';
import { registerStorageFunctions } from './storage.ts';

export interface HostPorts extends ServicesPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly router: GuestRouter | undefined;
  readonly storageQuotaBytes: number;
  /** Whether calls of host functions are spans. */
  readonly isTraced?: boolean;
}

/** Defines every import that Vivarium serves, once for all stores of an engine. */
export function registerHostFunctions(ports: HostPorts): HostLinker {
  const linker = new HostLinker(ports.isTraced);
  defineIo(linker);
  defineAllClocks(linker, ports.clock);
  defineRandom(linker, ports.random);
  defineCli(linker);
  defineCli3(linker);
  defineFilesystemTypes(linker);
  const descriptors = { clock: ports.clock, key: randomBytes(32) };
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
  registerMessagingFunctions(linker, ports.router);
  registerServicesFunctions(linker, ports);
  registerStorageFunctions(linker, ports.storageQuotaBytes);
  return linker;
}

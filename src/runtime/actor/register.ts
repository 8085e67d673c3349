import type { Clock } from '#core/ports/clock';
import type { GuestRouter } from '#core/ports/messaging';
import type { Random } from '#core/ports/random';
import type { CurrentStore } from '#runtime/host';
import { HostLinker } from '#runtime/host';
import {
  defineCli,
  defineClocks,
  defineFilesystemPreopens,
  defineFilesystemTypes,
  defineHttpTypes,
  defineIo,
  defineNameLookup,
  defineNetwork,
  defineOutgoingHandler,
  defineRandom,
  defineTcp,
  defineUdp,
  SocketPlaces,
} from '#runtime/wasi';
import { registerMessagingFunctions } from './messaging.ts';
import { registerServicesFunctions, type ServicesPorts } from './services.ts';
import { registerStorageFunctions } from './storage.ts';

export interface HostPorts extends ServicesPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly router: GuestRouter | undefined;
  readonly storageQuotaBytes: number;
}

/** Defines every import that Vivarium serves, once for all stores of an engine. */
export function registerHostFunctions(current: CurrentStore, ports: HostPorts): HostLinker {
  const linker = new HostLinker();
  const io = defineIo(linker, current);
  defineClocks(linker, current, ports.clock, io);
  defineRandom(linker, ports.random);
  defineCli(linker, current, io);
  defineFilesystemPreopens(linker, current, defineFilesystemTypes(linker, current, ports.clock, io));
  defineOutgoingHandler(linker, current, defineHttpTypes(linker, current, io));
  defineNetwork(linker, current);
  defineNameLookup(linker, current, io);
  const places = new SocketPlaces();
  defineTcp(linker, current, io, places);
  defineUdp(linker, current, io, places);
  registerMessagingFunctions(linker, current, ports.router);
  registerServicesFunctions(linker, current, ports);
  registerStorageFunctions(linker, current, ports.storageQuotaBytes);
  return linker;
}

import type { Clock, GuestRouter, Random } from '#core';
import { HostLinker } from '../host/host-linker.ts';
import type { CurrentStore } from '../host/host-state.ts';
import { defineCli } from '../wasi/cli.ts';
import { defineClocks } from '../wasi/clocks.ts';
import { defineDenied } from '../wasi/denied.ts';
import { defineFilesystemPreopens } from '../wasi/filesystem/preopens.ts';
import { defineFilesystemTypes } from '../wasi/filesystem/types.ts';
import { defineOutgoingHandler } from '../wasi/http/outgoing-handler.ts';
import { defineHttpTypes } from '../wasi/http/types.ts';
import { defineIo } from '../wasi/io.ts';
import { defineRandom } from '../wasi/random.ts';
import { defineNameLookup } from '../wasi/sockets/name-lookup.ts';
import { defineNetwork } from '../wasi/sockets/network.ts';
import { defineTcp } from '../wasi/sockets/tcp.ts';
import { registerMessagingFunctions } from './messaging.ts';
import { registerServicesFunctions, type ServicesPorts } from './services.ts';
import { registerStorageFunctions } from './storage.ts';

export interface HostPorts extends ServicesPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly router: GuestRouter | undefined;
  readonly storageQuotaBytes: number;
}

/** Defines every import that Vivarium meets, once for all stores of an engine. */
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
  defineTcp(linker, current, io);
  defineDenied(linker);
  registerMessagingFunctions(linker, current, ports.router);
  registerServicesFunctions(linker, current, ports);
  registerStorageFunctions(linker, current, ports.storageQuotaBytes);
  return linker;
}

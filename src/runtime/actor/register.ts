import type { Clock } from '#core/ports/clock';
import type { GuestRouter } from '#core/ports/messaging';
import type { Random } from '#core/ports/random';
import { HostLinker } from '#runtime/host';
import { defineWasi } from '#runtime/wasi';
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
  defineWasi(linker, ports.clock, ports.random);
  registerMessagingFunctions(linker, ports.router);
  registerServicesFunctions(linker, ports);
  registerStorageFunctions(linker, ports.storageQuotaBytes);
  return linker;
}

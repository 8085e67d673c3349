import type { Clock } from '#core/ports/clock';
import type { HostLinker } from '#runtime/host';
import { defineClocks, GuestClocks } from './clocks.ts';
import { defineClocks3 } from './v3/clocks.ts';

/** Defines `wasi:clocks` of all versions, which share one timer of the host's. */
export function defineAllClocks(linker: HostLinker, clock: Clock): void {
  const clocks = new GuestClocks(clock);
  defineClocks(linker, clocks);
  defineClocks3(linker, clocks);
}

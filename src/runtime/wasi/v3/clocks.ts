import type { HostLinker, HostState } from '#runtime/host';
import type { GuestClocks } from '../clocks.ts';
import { onceReady, type Waited } from '../readiness.ts';

/** Defines `wasi:clocks` 0.3. */
export function defineClocks3(linker: HostLinker, clocks: GuestClocks): void {
  const { monotonic, wall, resolution, at } = clocks;
  const waitUntil = (caller: HostState, when: bigint): Waited<void> => onceReady(caller, at(caller, when), () => {});

  linker.define('wasi:clocks/types@0.3.0', {});
  linker.define('wasi:clocks/monotonic-clock@0.3.0', {
    now: monotonic,
    getResolution: resolution,
    waitUntil,
    waitFor: (caller: HostState, howLong: bigint) => waitUntil(caller, monotonic(caller) + howLong),
  });
  linker.define('wasi:clocks/system-clock@0.3.0', { now: wall, getResolution: resolution });
  linker.define('wasi:clocks/timezone@0.3.0', {
    ianaId: () => 'UTC',
    utcOffset: () => 0n,
    toDebugString: () => 'UTC',
  });
}

import { type Clock, timestampOf } from '#core';
import type { HostLinker } from '../host-linker.ts';
import type { IoClasses } from './io.ts';

/** Clocks tell milliseconds in nanoseconds: a finer one helps to time the host. */
const RESOLUTION_NS = 1_000_000n;

/** `wasi:clocks`: both clocks work; a subscription is ready when its time has come and never makes the thread wait. */
export function defineClocks(linker: HostLinker, clock: Clock, { Pollable }: IoClasses): void {
  const nanoseconds = (): bigint => BigInt(Math.floor(clock.monotonic())) * RESOLUTION_NS;
  const at = (when: bigint): object => new Pollable(() => nanoseconds() >= when);

  linker.define('wasi:clocks/monotonic-clock@0.2.0', {
    now: nanoseconds,
    resolution: () => RESOLUTION_NS,
    subscribeInstant: at,
    subscribeDuration: (duration: bigint) => at(nanoseconds() + duration),
  });
  linker.define('wasi:clocks/wall-clock@0.2.0', {
    now: () => timestampOf(Math.floor(clock.now())),
    resolution: () => ({ seconds: 0n, nanoseconds: Number(RESOLUTION_NS) }),
  });
  linker.define('wasi:clocks/timezone@0.2.0', {
    display: () => ({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false }),
    utcOffset: () => 0,
  });
}

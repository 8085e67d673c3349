import type { Timestamp } from '#core/messages';
import type { Clock } from '#core/ports/clock';
import type { HostLinker, HostState } from '#runtime/host';
import { Pollable } from './io.ts';

const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000n;

/**
 * Defines `wasi:clocks`. Both clocks are rounded to the resolution that the component was granted, because a finer clock would help a
 * guest to time the host. A subscription is ready when its time has come. It has a timer only while a turn waits for it.
 */
export function defineClocks(linker: HostLinker, clock: Clock): void {
  const resolution = (caller: HostState): bigint => BigInt(caller.context.authority.clockResolutionNs());
  const rounded = (caller: HostState, ms: number): bigint => {
    const step = resolution(caller);
    return (nanosecondsOf(ms) / step) * step;
  };
  const nanoseconds = (caller: HostState): bigint => rounded(caller, clock.monotonic());
  const at = (caller: HostState, when: bigint): object => {
    const step = resolution(caller);
    const readyAt = ((when + step - 1n) / step) * step;
    return new Pollable(caller, {
      ready: () => nanoseconds(caller) >= when,
      whenReady: (wake) => {
        const left = readyAt - nanosecondsOf(clock.monotonic());
        return clock.after(Math.max(0, Math.ceil(Number(left) / NS_PER_MS)), wake);
      },
    });
  };

  linker.define('wasi:clocks/monotonic-clock@0.2.0', {
    now: nanoseconds,
    resolution,
    subscribeInstant: at,
    subscribeDuration: (caller: HostState, duration: bigint) => at(caller, nanoseconds(caller) + duration),
  });
  linker.define('wasi:clocks/wall-clock@0.2.0', {
    now: (caller: HostState) => datetimeOf(rounded(caller, clock.now())),
    resolution: (caller: HostState) => datetimeOf(resolution(caller)),
  });
  linker.define('wasi:clocks/timezone@0.2.0', {
    display: () => ({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false }),
    utcOffset: () => 0,
  });
}

/** Converts whole milliseconds and their fraction separately, because a double cannot hold wall-clock nanoseconds exactly. */
function nanosecondsOf(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * BigInt(NS_PER_MS) + BigInt(Math.floor((ms - whole) * NS_PER_MS));
}

function datetimeOf(nanoseconds: bigint): Timestamp {
  return { seconds: nanoseconds / NS_PER_S, nanoseconds: Number(nanoseconds % NS_PER_S) };
}

import type { Timestamp } from '#core/messages';
import type { Clock } from '#core/ports/clock';
import { TimerWheel, WheelTimer } from '#core/waiting';
import type { HostLinker, HostState } from '#runtime/host';
import { Pollable } from './io.ts';
import type { Readiness } from './readiness.ts';

const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000n;

/**
 * The clocks as all versions of `wasi:clocks` have them. They are rounded to the resolution that the component was granted, because a
 * finer clock would help a guest to time the host.
 */
export class GuestClocks {
  readonly #clock: Clock;
  /** All waits share one timer of the clock, because each timer of Node's costs memory and time. */
  readonly #wheel: TimerWheel;
  #waits = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wheel = new TimerWheel(clock);
  }

  /** In nanoseconds, as all times here. */
  readonly resolution = (caller: HostState): bigint => BigInt(caller.context.authority.clockResolutionNs());

  readonly monotonic = (caller: HostState): bigint => this.#rounded(caller, this.#clock.monotonic());

  readonly wall = (caller: HostState): Timestamp => datetimeOf(this.#rounded(caller, this.#clock.now()));

  /** Ready when a time of the monotonic clock has come. It has a timer only while somebody waits for it. */
  readonly at = (caller: HostState, when: bigint): Readiness => {
    const step = this.resolution(caller);
    const readyAt = ((when + step - 1n) / step) * step;
    return {
      ready: () => this.monotonic(caller) >= when,
      whenReady: (wake) => {
        const now = this.#clock.monotonic();
        const timer = new ClockTimer(() => {
          this.#ended();
          wake();
        });
        this.#waits += 1;
        this.#wheel.schedule(timer, now, Number(readyAt - nanosecondsOf(now)) / NS_PER_MS);
        return () => {
          if (this.#wheel.stop(timer)) this.#ended();
        };
      },
    };
  };

  #ended(): void {
    this.#waits -= 1;
    if (this.#waits === 0) this.#wheel.close();
  }

  #rounded(caller: HostState, ms: number): bigint {
    const step = this.resolution(caller);
    return (nanosecondsOf(ms) / step) * step;
  }
}

class ClockTimer extends WheelTimer {
  readonly #ring: () => void;

  constructor(ring: () => void) {
    super();
    this.#ring = ring;
  }

  expire(): void {
    this.#ring();
  }
}

/** Defines `wasi:clocks` 0.2. */
export function defineClocks(linker: HostLinker, clocks: GuestClocks): void {
  const { monotonic, wall, resolution, at } = clocks;

  linker.define('wasi:clocks/monotonic-clock@0.2.0', {
    now: monotonic,
    resolution,
    subscribeInstant: (caller: HostState, when: bigint) => new Pollable(caller, at(caller, when)),
    subscribeDuration: (caller: HostState, duration: bigint) =>
      new Pollable(caller, at(caller, monotonic(caller) + duration)),
  });
  linker.define('wasi:clocks/wall-clock@0.2.0', {
    now: wall,
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

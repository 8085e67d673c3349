import type { MeteringMode, Tank } from '#core/ports/meter';
import { RewritingMeter } from '#metering';

/** A program to be measured in one of three ways: as it is, or metered in a mode. */
export type Way = 'plain' | MeteringMode;

export const WAYS: readonly Way[] = ['plain', 'fuel', 'deadline'];

export const meter: RewritingMeter = new RewritingMeter();

/** Budgets that are there but never used up, so that all the counting is done. */
const BUDGET = { fuel: 2n ** 62n, timeMs: 3_600_000 };

/** Compiles and instantiates core modules in one way, and opens the budget around what is run in them. */
export class Guest {
  readonly way: Way;
  readonly #tank: Tank = meter.createTank({ maxMemoryBytes: 2 ** 32 });

  constructor(way: Way) {
    this.way = way;
  }

  compile(bytes: Uint8Array): WebAssembly.Module {
    const given = this.way === 'plain' ? bytes : meter.meterModule(bytes, this.way).bytes;
    return new WebAssembly.Module(given as Uint8Array<ArrayBuffer>);
  }

  /** Only within `run`. */
  link(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports {
    return this.way === 'plain' ? new WebAssembly.Instance(module, imports).exports : this.#tank.link(module, imports);
  }

  run<T>(act: () => T): T {
    if (this.way === 'plain') return act();
    this.#tank.begin(BUDGET);
    const result = act();
    this.#tank.end();
    return result;
  }

  /** As `run`, for what instantiates over several turns of the event loop. */
  async runAsync<T>(act: () => Promise<T>): Promise<T> {
    if (this.way === 'plain') return act();
    this.#tank.begin(BUDGET);
    const result = await act();
    this.#tank.end();
    return result;
  }

  /** Fuel of the last `run`. */
  get spent(): bigint {
    return this.#tank.usage.callFuel;
  }
}

import type { MeteringMode, Tank, TankOptions } from '#core/ports/meter';
import { RewritingMeter } from '#metering';
import type { GeneratedModule } from '../generator/index.ts';
import { type Driver, type Observation, observe } from './observe.ts';

/** More than any program can ask for, the array of the largest length included. */
export const ROOMY: TankOptions = { maxMemoryBytes: 2 ** 48 };

export const meter: RewritingMeter = new RewritingMeter();

/** Its clock stands still, so that slices, and what is billed for a trap, are the same on a busy machine. */
const steady: RewritingMeter = new RewritingMeter(() => 0);

/** Runs a metered module on one tank; every entry, instantiation the first, has a budget of its own. */
export class MeteredDriver implements Driver {
  /** What each entry cost that came to its end by returning or by an exception. */
  readonly costs: bigint[] = [];
  readonly tank: Tank;
  readonly #limitOf: (entry: number) => bigint | undefined;
  readonly #timeMs: number | undefined;
  #entry = 0;

  constructor(
    limitOf: (entry: number) => bigint | undefined = () => undefined,
    tank: Tank = steady.createTank(ROOMY),
    timeMs?: number,
  ) {
    this.#limitOf = limitOf;
    this.#timeMs = timeMs;
    this.tank = tank;
  }

  /** The number of the entry that runs, from 0. */
  get entry(): number {
    return this.#entry - 1;
  }

  instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports {
    return this.#enter(() => this.tank.link(module, imports)) as WebAssembly.Exports;
  }

  call(act: () => unknown): unknown {
    return this.#enter(act);
  }

  #enter(act: () => unknown): unknown {
    this.tank.begin({ fuel: this.#limitOf(this.#entry++), timeMs: this.#timeMs });
    try {
      const result = act();
      this.tank.end();
      this.costs.push(this.tank.usage.callFuel);
      return result;
    } catch (thrown) {
      // What is not the tank's doing has ended the call too.
      const failure = this.tank.failure(thrown);
      if (failure !== undefined) throw failure;
      this.costs.push(this.tank.usage.callFuel);
      throw thrown;
    }
  }
}

export interface MeteredObservation extends Observation {
  readonly costs: readonly bigint[];
}

/** Meters the module and runs it; `limitOf` gives each entry's fuel. */
export function observeMetered(
  generated: GeneratedModule,
  limitOf?: (entry: number) => bigint | undefined,
  mode: MeteringMode = 'fuel',
  tank?: Tank,
): MeteredObservation {
  const driver = new MeteredDriver(limitOf, tank);
  const { bytes } = meter.meterModule(generated.bytes, mode);
  const observation = observe(generated, bytes, driver);
  return { ...observation, costs: driver.costs };
}

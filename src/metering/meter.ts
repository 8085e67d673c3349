import type { Meter, MeteredModule, MeteringMode, MeteringOptions, Tank, TankOptions } from '#core/ports/meter';
import { rewriteModule } from '#metering/sections';
import { SharedTank, type SliceSizes, tanks } from '#metering/tank';
import { checkMode } from './mode.ts';
import { validateModule } from './validate.ts';

/**
 * Rewrites a core wasm module into a metered one. The function is pure and deterministic.
 * @throws {MeteringError} `METERING_INVALID_MODULE`, or another code when the module is refused; `CORE_INVALID_OPTION`
 */
export function meterModule(
  bytes: Uint8Array,
  mode: MeteringMode = 'fuel',
  options: MeteringOptions = {},
): MeteredModule & { readonly bytes: Uint8Array<ArrayBuffer> } {
  checkMode(mode);
  validateModule(bytes);
  // Convert a Buffer to a plain Uint8Array, because loops that meet both classes run slower.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return { bytes: rewriteModule(plain, mode, options) };
}

/** A meter that rewrites with `meterModule` and makes tanks that read the monotonic clock. */
export class RewritingMeter implements Meter {
  readonly version = tanks.version;
  readonly #now: () => number;
  readonly #slices: SliceSizes | undefined;

  /** @param slices how much fuel tanks hand out at once; reported numbers do not depend on it */
  constructor(now: () => number = () => performance.now(), slices?: SliceSizes) {
    this.#now = now;
    this.#slices = slices;
  }

  meterModule(bytes: Uint8Array, mode: MeteringMode, options?: MeteringOptions): MeteredModule {
    return meterModule(bytes, mode, options);
  }

  createTank(options: TankOptions): Tank {
    return new SharedTank(options, this.#now, this.#slices);
  }
}

/** The meter that reads the machine's monotonic clock. */
export const meter: Meter = new RewritingMeter();

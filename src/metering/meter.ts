import type { Meter, MeteredModule, MeteringMode, Tank, TankOptions } from '#core';
import { MeteringError } from './errors.ts';
import { FORMAT_VERSION } from './metadata.ts';
import { rewriteModule } from './module-rewriter.ts';
import { SharedTank } from './tank.ts';

/**
 * Core wasm in, metered core wasm out; pure and deterministic.
 * @throws {MeteringError} `METERING_INVALID_MODULE`, or what else the module is refused for
 */
export function meterModule(bytes: Uint8Array, mode: MeteringMode = 'fuel'): MeteredModule {
  // Validated first: what metering appends would make an index valid that was not.
  if (!WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)) {
    throw new MeteringError('METERING_INVALID_MODULE', 'the bytes are no valid core module; build it again');
  }
  return { bytes: rewriteModule(bytes, mode) };
}

/** Rewrites by `meterModule` and makes tanks that read the monotonic clock. */
export class RewritingMeter implements Meter {
  readonly version = `vivarium-metering/${FORMAT_VERSION}`;
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  meterModule(bytes: Uint8Array, mode: MeteringMode): MeteredModule {
    return meterModule(bytes, mode);
  }

  createTank(options: TankOptions): Tank {
    return new SharedTank(options, this.#now);
  }
}

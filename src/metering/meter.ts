import type {
  AttachedCode,
  ContextImport,
  Meter,
  MeteredModule,
  MeteringMode,
  Tank,
  TankOptions,
  WaitingImport,
} from '#core/ports/meter';
import { rewriteModule } from '#metering/sections';
import { SharedTank, type SliceSizes, tanks } from '#metering/tank';
import { checkMode } from './mode.ts';
import { validateModule } from './validate.ts';

/**
 * Rewrites a core wasm module into a metered one. The function is pure and deterministic.
 * @param attached host code that is appended to the module, for whoever instantiates it
 * @param waiting imports that may have to wait: their callers suspend themselves and call them again for the answer
 * @param contexts imports in place of whose calls the code uses globals, at the same cost
 * @throws {MeteringError} `METERING_INVALID_MODULE`, or another code when the module is refused; `CORE_INVALID_OPTION`
 */
export function meterModule(
  bytes: Uint8Array,
  mode: MeteringMode = 'fuel',
  attached?: AttachedCode,
  waiting: readonly WaitingImport[] = [],
  contexts: readonly ContextImport[] = [],
): MeteredModule & { readonly bytes: Uint8Array<ArrayBuffer> } {
  checkMode(mode);
  validateModule(bytes);
  // Convert a Buffer to a plain Uint8Array, because loops that meet both classes run slower.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return { bytes: rewriteModule(plain, mode, attached, waiting, contexts) };
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

  meterModule(
    bytes: Uint8Array,
    mode: MeteringMode,
    attached?: AttachedCode,
    waiting?: readonly WaitingImport[],
    contexts?: readonly ContextImport[],
  ): MeteredModule {
    return meterModule(bytes, mode, attached, waiting, contexts);
  }

  createTank(options: TankOptions): Tank {
    return new SharedTank(options, this.#now, this.#slices);
  }
}

/** The meter that reads the machine's monotonic clock. */
export const meter: Meter = new RewritingMeter();

import type {
  AttachedCode,
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
 * Core wasm in, metered core wasm out; pure and deterministic.
 * @param attached code of the host's that the module gets besides its own, for who instantiates it
 * @param waiting imports that may have to wait: their callers suspend themselves and call them again for the answer
 * @throws {MeteringError} `METERING_INVALID_MODULE`, or what else the module is refused for; `CORE_INVALID_OPTION`
 */
export function meterModule(
  bytes: Uint8Array,
  mode: MeteringMode = 'fuel',
  attached?: AttachedCode,
  waiting: readonly WaitingImport[] = [],
): MeteredModule & { readonly bytes: Uint8Array<ArrayBuffer> } {
  checkMode(mode);
  validateModule(bytes);
  // A Buffer is of another class: loops that meet both take longer for each.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return { bytes: rewriteModule(plain, mode, attached, waiting) };
}

/** Rewrites by `meterModule` and makes tanks that read the monotonic clock. */
export class RewritingMeter implements Meter {
  readonly version = tanks.version;
  readonly #now: () => number;
  readonly #slices: SliceSizes | undefined;

  /** @param slices fuel that tanks hand out at once; no number that they report depends on it */
  constructor(now: () => number = () => performance.now(), slices?: SliceSizes) {
    this.#now = now;
    this.#slices = slices;
  }

  meterModule(
    bytes: Uint8Array,
    mode: MeteringMode,
    attached?: AttachedCode,
    waiting?: readonly WaitingImport[],
  ): MeteredModule {
    return meterModule(bytes, mode, attached, waiting);
  }

  createTank(options: TankOptions): Tank {
    return new SharedTank(options, this.#now, this.#slices);
  }
}

/** The meter that reads the machine's monotonic clock. */
export const meter: Meter = new RewritingMeter();

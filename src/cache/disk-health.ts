import { isVivariumError, messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import { CacheError } from './errors.ts';
import { codeOf } from './files.ts';

/** `ready`; `suspended`: entries are only read, and writes are tried again later; `off`: nothing is read or written. */
export type DiskState = 'ready' | 'suspended' | 'off';

export interface DiskHealthOptions {
  readonly root: string;
  readonly clock: Clock;
  /** Called when the tier stops working, for a while or permanently. */
  readonly onTrouble: (error: CacheError) => void;
}

/** How long nothing is written after a write failed. */
const SUSPENSION_MS = 60_000;

/** Whether the disk can be used, and what the last failure was. */
export class DiskHealth {
  readonly #options: DiskHealthOptions;
  #off: CacheError | undefined;
  #suspendedUntil = 0;
  #trouble: string | undefined;

  constructor(options: DiskHealthOptions) {
    this.#options = options;
  }

  get state(): DiskState {
    if (this.#off !== undefined) return 'off';
    return this.#options.clock.monotonic() >= this.#suspendedUntil ? 'ready' : 'suspended';
  }

  /** Why nothing is read or written any more. */
  get off(): CacheError | undefined {
    return this.#off;
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Suspends writing, or disables the tier when its folder is not safe, and reports this once. */
  report(cause: unknown, what: string): void {
    const { root, clock, onTrouble } = this.#options;
    if (cause instanceof CacheError && cause.code === 'CACHE_INVALID_ARTIFACT') {
      this.#trouble = cause.message;
      onTrouble(cause);
      return;
    }
    const error = cause instanceof CacheError ? cause : unavailable(root, what, cause);
    if (error.code === 'CACHE_UNSAFE_ROOT') this.#off = error;
    this.#suspendedUntil = clock.monotonic() + SUSPENSION_MS;
    if (this.#trouble === error.message) return;
    this.#trouble = error.message;
    onTrouble(error);
  }
}

export function unavailable(root: string, what: string, cause: unknown): CacheError {
  const code = codeOf(cause);
  // The machine's secret that seals entries is in another folder.
  const isSeal = isVivariumError(cause);
  const why = isSeal ? `is not used: ${cause.message}` : `${what} (${code ?? messageOf(cause)})`;
  const variable = isSeal ? 'VIVARIUM_HOME' : 'VIVARIUM_CACHE_DIR';
  return new CacheError(
    'CACHE_UNAVAILABLE',
    `the cache folder ${root} ${why}; components are built anew without it, each time: set ${variable} to a folder that can be written`,
    { cause, details: { path: root, ...(code === undefined ? {} : { reason: code }) } },
  );
}

import { CoreError } from './errors.ts';

/** What a component may use. Left out: the runtime's default. */
export interface ResourceLimits {
  /**
   * Bytes over all memories and tables of the instance (a funcref entry counts 32 bytes, another 8), and over what it
   * allocates by GC operators and caught exceptions in the life of its store.
   */
  readonly maxMemoryBytes?: number | undefined;
  /** Milliseconds of wall clock for each call. */
  readonly maxExecutionTimeMs?: number | undefined;
  /** Fuel for each call, in the units of `docs/metering.md`; none by default. */
  readonly maxFuel?: bigint | undefined;
}

/** Limits with nothing left open; `maxFuel` may still be absent, which means that only time bounds a call. */
export interface EffectiveLimits {
  readonly maxMemoryBytes: number;
  readonly maxExecutionTimeMs: number;
  readonly maxFuel: bigint | undefined;
}

export const DEFAULT_LIMITS: EffectiveLimits = Object.freeze({
  maxMemoryBytes: 64 * 2 ** 20,
  maxExecutionTimeMs: 1_000,
  maxFuel: undefined,
});

/** The largest fuel budget: what an i64 counter can hold. */
export const MAX_FUEL: bigint = 2n ** 63n - 1n;

/** Lays `wanted` over `defaults`. @throws {CoreError} `CORE_INVALID_LIMITS` */
export function resolveLimits(
  wanted: ResourceLimits = {},
  defaults: EffectiveLimits = DEFAULT_LIMITS,
): EffectiveLimits {
  const maxMemoryBytes = wanted.maxMemoryBytes ?? defaults.maxMemoryBytes;
  const maxExecutionTimeMs = wanted.maxExecutionTimeMs ?? defaults.maxExecutionTimeMs;
  const maxFuel = wanted.maxFuel ?? defaults.maxFuel;
  if (!Number.isSafeInteger(maxMemoryBytes) || maxMemoryBytes < 0) {
    throw refused('maxMemoryBytes', maxMemoryBytes, 'a whole number of bytes, 0 or more');
  }
  if (!Number.isFinite(maxExecutionTimeMs) || maxExecutionTimeMs <= 0) {
    throw refused('maxExecutionTimeMs', maxExecutionTimeMs, 'a finite number of milliseconds above 0');
  }
  if (maxFuel !== undefined && (typeof maxFuel !== 'bigint' || maxFuel < 0n || maxFuel > MAX_FUEL)) {
    throw refused('maxFuel', maxFuel, 'a bigint from 0n to 2n ** 63n - 1n');
  }
  return { maxMemoryBytes, maxExecutionTimeMs, maxFuel };
}

function refused(name: string, value: unknown, wanted: string): CoreError {
  return new CoreError('CORE_INVALID_LIMITS', `limits.${name} is ${String(value)}; give ${wanted}`);
}

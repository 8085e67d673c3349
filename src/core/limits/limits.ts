import { CoreError } from '#core/errors';
import { allow, checkOptions } from '#core/options';

/** The resources that a component may use; the runtime's defaults apply to fields that are left out. */
export interface ResourceLimits {
  /**
   * The bytes of all memories and tables of the instance (a funcref entry counts 32 bytes, any other 8), and of all
   * that it allocates by GC operators and caught exceptions in the life of its store.
   */
  readonly maxMemoryBytes?: number | undefined;
  /** Milliseconds for each call during which the guest, or the host on its behalf, runs. Waiting is not counted. */
  readonly maxExecutionTimeMs?: number | undefined;
  /** Milliseconds from a call's beginning to its end, including its waits. */
  readonly maxTurnTimeMs?: number | undefined;
  /** Milliseconds for instantiation, and again for `initialize`, in place of `maxExecutionTimeMs`. */
  readonly maxStartTimeMs?: number | undefined;
  /** The component's share of the thread relative to other computing components, from 0.01 to 100. */
  readonly weight?: number | undefined;
  /** The fuel for each call in the units of `docs/metering.md`; none by default. */
  readonly maxFuel?: bigint | undefined;
}

/** Limits with all defaults filled in. `maxFuel` may be absent, in which case only time bounds a call. */
export interface EffectiveLimits {
  readonly maxMemoryBytes: number;
  readonly maxExecutionTimeMs: number;
  readonly maxTurnTimeMs: number;
  readonly maxStartTimeMs: number;
  readonly weight: number;
  readonly maxFuel: bigint | undefined;
}

export const DEFAULT_LIMITS: EffectiveLimits = Object.freeze({
  maxMemoryBytes: 64 * 2 ** 20,
  maxExecutionTimeMs: 1_000,
  maxTurnTimeMs: 30_000,
  maxStartTimeMs: 5_000,
  weight: 1,
  maxFuel: undefined,
});

/**
 * The most instances, imports, exports, memories and tables of one store together, because V8 makes them one by one.
 */
export const MOST_PARTS: number = 100_000;

/** The most memories of one store. */
export const MOST_MEMORIES: number = 100;

/** The most memories of a runtime by default. A process has address space for about 16,300. */
export const DEFAULT_TOTAL_MEMORIES: number = 12_000;

/** The largest fuel budget, which is the largest value of an i64 counter. */
export const MAX_FUEL: bigint = 2n ** 63n - 1n;

const BYTES = allow.rule(
  'a whole number of bytes, 0 or more',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
);
/** The rule for each limit, under whatever name it is given. */
export const LIMITS: allow.OptionRules<ResourceLimits> = {
  maxMemoryBytes: BYTES,
  maxExecutionTimeMs: allow.period,
  maxTurnTimeMs: allow.period,
  maxStartTimeMs: allow.period,
  weight: allow.rule(
    'a number from 0.01 to 100',
    (value) => typeof value === 'number' && value >= 0.01 && value <= 100,
  ),
  maxFuel: allow.rule(
    'a bigint from 0n to 2n ** 63n - 1n',
    (value) => typeof value === 'bigint' && value >= 0n && value <= MAX_FUEL,
  ),
};
const RULE = allow.options(LIMITS);

/** Applies `wanted` on top of `defaults`. @throws {CoreError} `CORE_INVALID_LIMITS` */
export function resolveLimits(
  wanted: ResourceLimits = {},
  defaults: EffectiveLimits = DEFAULT_LIMITS,
): EffectiveLimits {
  checkLimits(wanted, RULE, 'limits');
  return {
    maxMemoryBytes: wanted.maxMemoryBytes ?? defaults.maxMemoryBytes,
    maxExecutionTimeMs: wanted.maxExecutionTimeMs ?? defaults.maxExecutionTimeMs,
    maxTurnTimeMs: wanted.maxTurnTimeMs ?? defaults.maxTurnTimeMs,
    maxStartTimeMs: wanted.maxStartTimeMs ?? defaults.maxStartTimeMs,
    weight: wanted.weight ?? defaults.weight,
    maxFuel: wanted.maxFuel ?? defaults.maxFuel,
  };
}

/** @throws {CoreError} `CORE_INVALID_LIMITS` */
export function checkTotalMemory(maxTotalMemoryBytes: number | undefined): void {
  checkLimits(maxTotalMemoryBytes, BYTES, 'maxTotalMemoryBytes');
}

/** @throws {CoreError} `CORE_INVALID_LIMITS` */
export function checkLimits(value: unknown, rule: allow.OptionRule, option = ''): void {
  checkOptions(
    value,
    rule,
    option,
    (message, option) => new CoreError('CORE_INVALID_LIMITS', message, { details: { option } }),
  );
}

/** The default for the most bytes of a component from any source. */
export const DEFAULT_MAX_COMPONENT_BYTES: number = 64 * 2 ** 20;

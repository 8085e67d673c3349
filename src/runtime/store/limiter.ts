import {
  checkTotalMemory,
  DEFAULT_LIMITS,
  DEFAULT_TOTAL_MEMORIES,
  type EffectiveLimits,
  Quota,
  type ResourceLimits,
  resolveLimits,
} from '#core/limits';
import type { CallBudget, MemoryPool } from '#core/ports/meter';

/** The limits of a runtime's components, and the memory that they share. */
export class ComponentLimiter implements MemoryPool {
  readonly #defaults: EffectiveLimits;
  readonly #maxTotalMemoryBytes: number;
  #totalMemoryBytes = 0;
  readonly memories: Quota;

  /** @throws {CoreError} `CORE_INVALID_LIMITS` */
  constructor(
    defaults: ResourceLimits = {},
    maxTotalMemoryBytes: number = Number.POSITIVE_INFINITY,
    maxTotalMemories: number = DEFAULT_TOTAL_MEMORIES,
  ) {
    this.#defaults = resolveLimits(defaults, DEFAULT_LIMITS);
    checkTotalMemory(maxTotalMemoryBytes === Number.POSITIVE_INFINITY ? undefined : maxTotalMemoryBytes);
    this.#maxTotalMemoryBytes = maxTotalMemoryBytes;
    this.memories = new Quota(maxTotalMemories);
  }

  /** A component's own limits laid over the runtime's. @throws {CoreError} `CORE_INVALID_LIMITS` */
  applyLimits(wanted: ResourceLimits | undefined): EffectiveLimits {
    return resolveLimits(wanted, this.#defaults);
  }

  /** Fuel for one call, or undefined where only time bounds it. */
  fuelLimit(limits: EffectiveLimits): bigint | undefined {
    return limits.maxFuel;
  }

  /** Milliseconds for one call. */
  timeoutMs(limits: EffectiveLimits): number {
    return limits.maxExecutionTimeMs;
  }

  budget(limits: EffectiveLimits): CallBudget {
    return { fuel: this.fuelLimit(limits), timeMs: this.timeoutMs(limits) };
  }

  reserve(bytes: number): boolean {
    if (this.#totalMemoryBytes + bytes > this.#maxTotalMemoryBytes) return false;
    this.#totalMemoryBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#totalMemoryBytes -= bytes;
  }

  /** Bytes held by all components of the runtime now. */
  get totalMemoryBytes(): number {
    return this.#totalMemoryBytes;
  }
}

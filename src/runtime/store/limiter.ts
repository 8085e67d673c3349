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

/** A quota whose users keep something that they can do without. */
class ReclaimingQuota extends Quota {
  readonly #giveBack: () => void;

  constructor(limit: number, giveBack: () => void) {
    super(limit);
    this.#giveBack = giveBack;
  }

  override take(amount: number): boolean {
    if (super.take(amount)) return true;
    this.#giveBack();
    return super.take(amount);
  }
}

/** Holds the default limits of a runtime's components, and counts the memory that they share. */
export class ComponentLimiter implements MemoryPool {
  readonly #defaults: EffectiveLimits;
  readonly #maxTotalMemoryBytes: number;
  #totalMemoryBytes = 0;
  readonly #onShortage: (() => void)[] = [];
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
    this.memories = new ReclaimingQuota(maxTotalMemories, () => this.#giveBack());
  }

  onShortage(giveBack: () => void): void {
    this.#onShortage.push(giveBack);
  }

  #giveBack(): void {
    for (const giveBack of this.#onShortage) giveBack();
  }

  /** Returns a component's own limits; the runtime's defaults fill in what it leaves out. @throws {CoreError} `CORE_INVALID_LIMITS` */
  applyLimits(wanted: ResourceLimits | undefined): EffectiveLimits {
    return resolveLimits(wanted, this.#defaults);
  }

  /** Fuel for one call; undefined if only time bounds the call. */
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
    if (this.#totalMemoryBytes + bytes > this.#maxTotalMemoryBytes) {
      this.#giveBack();
      if (this.#totalMemoryBytes + bytes > this.#maxTotalMemoryBytes) return false;
    }
    this.#totalMemoryBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#totalMemoryBytes -= bytes;
  }

  /** The bytes of memory that all components of the runtime hold now. */
  get totalMemoryBytes(): number {
    return this.#totalMemoryBytes;
  }
}

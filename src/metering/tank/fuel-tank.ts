import { checkLimits, LIMITS, resolveLimits } from '#core/limits';
import { allow } from '#core/options';
import { SharedTank } from './tank.ts';

export interface FuelTankOptions {
  /** The units of fuel for all calls in the tank's life. Without it, only time bounds a call. */
  readonly fuel?: bigint;
  /** The milliseconds of wall clock for each call; 1,000 by default. */
  readonly deadlineMs?: number;
  /** The bytes of all memories, tables and objects; 64 MiB by default. */
  readonly maxMemoryBytes?: number;
}

const OPTIONS: allow.OptionRules<FuelTankOptions> = {
  fuel: LIMITS.maxFuel,
  deadlineMs: LIMITS.maxExecutionTimeMs,
  maxMemoryBytes: LIMITS.maxMemoryBytes,
};
const RULE = allow.options(OPTIONS);

export interface MeteredInstance {
  readonly exports: WebAssembly.Exports;
}

type GuestFunction = (...args: unknown[]) => unknown;

/**
 * The fuel, time and memory of any number of metered instances that belong together.
 *
 * A call from outside succeeds if and only if it stays within what is left. A call that a host function makes back into
 * the guest belongs to the running call. After a budget is spent, or after a trap, nothing runs on this tank again.
 */
export class FuelTank {
  readonly #tank: SharedTank;
  readonly #fuel: bigint | undefined;
  readonly #deadlineMs: number;
  /** The guest's own function behind each function that was handed out, so that instances are linked directly. */
  readonly #guestFunctions = new WeakMap<object, GuestFunction>();
  #running = false;

  /** @throws {CoreError} `CORE_INVALID_LIMITS` */
  constructor(options: FuelTankOptions = {}) {
    checkLimits(options, RULE);
    const limits = resolveLimits({
      maxFuel: options.fuel,
      maxExecutionTimeMs: options.deadlineMs,
      maxMemoryBytes: options.maxMemoryBytes,
    });
    this.#fuel = limits.maxFuel;
    this.#deadlineMs = limits.maxExecutionTimeMs;
    this.#tank = new SharedTank({ maxMemoryBytes: limits.maxMemoryBytes }, () => performance.now());
  }

  /** The fuel that all calls have cost so far, including instantiations. */
  get consumed(): bigint {
    return this.#tank.usage.totalFuel;
  }

  /** The bytes that memories and tables hold, and that were allocated for objects so far. */
  get memoryBytes(): number {
    return this.#tank.usage.memoryBytes;
  }

  /** The number of growths that were refused. */
  get refusedGrowths(): number {
    return this.#tank.usage.refusedGrowths;
  }

  /** Links a metered module. @throws {MeteringError} when a budget is used up, and `METERING_NOT_METERED` */
  instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports = {}): MeteredInstance {
    const given = Object.fromEntries(
      Object.entries(imports).map(([name, items]) => [
        name,
        Object.fromEntries(Object.entries(items).map(([item, value]) => [item, this.#unwrap(value)])),
      ]),
    );
    const own = this.#call(() => this.#tank.link(module, given));
    const exports: Record<string, WebAssembly.ExportValue> = Object.create(null);
    for (const [name, value] of Object.entries(own)) {
      exports[name] = typeof value === 'function' ? this.#wrap(value as GuestFunction) : value;
    }
    return { exports: Object.freeze(exports) };
  }

  #wrap(guest: GuestFunction): GuestFunction {
    const wrapper: GuestFunction = (...args) => this.#call(() => guest(...args));
    this.#guestFunctions.set(wrapper, guest);
    return wrapper;
  }

  #unwrap(value: WebAssembly.ImportValue): WebAssembly.ImportValue {
    return typeof value === 'function' ? (this.#guestFunctions.get(value) ?? value) : value;
  }

  #call<T>(act: () => T): T {
    if (this.#running) return act();
    this.#tank.begin({
      fuel: this.#fuel === undefined ? undefined : this.#fuel - this.#tank.usage.totalFuel,
      timeMs: this.#deadlineMs,
    });
    this.#running = true;
    try {
      const result = act();
      this.#tank.end();
      return result;
    } catch (thrown) {
      throw this.#tank.failure(thrown) ?? thrown;
    } finally {
      this.#running = false;
    }
  }
}

import type { VivariumError } from '#core/errors';
import type { Account, CallBudget, MeteringMode, Scheduler, Tank, TankOptions, TankUsage } from '#core/ports/meter';
import type { RenewedInstances, StartImage } from '#core/ports/renewal';
import { MeteringError } from '../errors.ts';
import { WAIT, YIELD } from '../hooks.ts';
import { type Metadata, metadataOf, NAMESPACE, START_EXPORT } from '../metadata.ts';
import { CellHolder } from './cell-holder.ts';
import { SPENT } from './fuel-cell.ts';
import { evaluateLength } from './length-terms.ts';
import { LinkedInstances } from './linked-instances.ts';
import { stackReserve } from './stack-reserve.ts';
import { StoreMemory } from './store-memory.ts';
import { StoreParts } from './store-parts.ts';
import { isStackOverflow, isTrap, isUnreachable, named } from './trap-cause.ts';

/** Fuel up to this number is counted exactly in JavaScript numbers. No call reaches it, because that takes months. */
const MOST_COUNTED = Number.MAX_SAFE_INTEGER;
/**
 * Unlimited fuel is Infinity, because a 64-bit length can exceed any finite limit: it is paid before its operation
 * runs, and the operation must end in the guest's own trap, not in the budget's.
 */
const NO_LIMIT = Number.POSITIVE_INFINITY;
/** The milliseconds that stand for no limit: twelve days, in a number that V8 stores without an allocation. */
const LONGEST_MS = 2 ** 30;
/** How much fuel is handed out at once: the first slice, and the bounds within which the measured rate moves it. */
export interface SliceSizes {
  readonly first: number;
  readonly smallest: number;
  readonly largest: number;
}

/** The largest slice is about 0.2 ms of the fastest code, so that the clock is read often enough. */
const SLICES: SliceSizes = { first: 100_000, smallest: 20_000, largest: 400_000 };
/** In a millisecond. */
const MICROSECONDS = 1_000;
const MILLISECONDS_PER_SLICE = 0.5;

type State = 'idle' | 'running' | 'spent';

/** The one budget of all core instances of a store: their shared counter, and the hooks that refill it. */
export class SharedTank extends CellHolder implements Tank {
  // The fields that every call uses come first and together. When a thousand stores are called in turn, cache lines
  // dominate the cost.
  #state: State = 'idle';
  /** The budget that currently applies. It is mostly the same for every call. */
  #budget: CallBudget | undefined;
  /** The fuel that a call gets first: one slice, or its whole budget when that is smaller. */
  #opening = 0;
  /** The fuel handed out in this call. */
  #given = 0;
  #isFirstSlice = true;
  #callFuel = 0;
  /** The fuel of earlier calls. `#longAgoFuel` holds the part that a number could not hold exactly. */
  #earlierFuel = 0;
  #timeMs = LONGEST_MS;
  #begun = 0;
  endedAt = 0;
  switchedAt = 0;
  #totalMs = 0;
  readonly #now: () => number;
  #failure: VivariumError | undefined;
  #mode: MeteringMode | undefined;
  #limit = 0;
  #slice: number;
  #sliceGiven = 0;
  /** The time at which the current slice was handed out, if it is not the first of its call. */
  #sliceBegun = 0;
  #longAgoFuel = 0n;
  readonly #instances: LinkedInstances<SharedTank>;
  readonly #isRelinked: boolean;
  readonly #memory: StoreMemory;
  readonly #slices: SliceSizes;
  readonly #scheduler: Scheduler | undefined;
  /** The time at which another call took the thread, while it has it. */
  #suspended: number | undefined = undefined;
  /** The account that is charged, where several calls share the tank. */
  #account: Account | undefined = undefined;

  constructor(options: TankOptions, now: () => number, slices: SliceSizes = SLICES) {
    super();
    const { instances } = options;
    this.#isRelinked = instances instanceof LinkedInstances;
    this.#instances = instances instanceof LinkedInstances ? instances : this.#noInstances(options);
    this.#instances.owner = this;
    this.#memory = this.#instances.memory;
    this.#now = now;
    this.#slices = slices;
    this.#scheduler = options.scheduler;
    this.#slice = slices.first;
  }

  #noInstances({ maxMemoryBytes, pool, scheduler }: TankOptions): LinkedInstances<SharedTank> {
    const memory = new StoreMemory(maxMemoryBytes, pool);
    const hooks = (of: LinkedInstances<SharedTank>): WebAssembly.ModuleImports => ({
      fuel: this.fuel,
      heap: memory.heap,
      room: stackReserve(),
      refill: (left: number) => (of.owner === undefined ? SPENT : of.owner.#refill(left)),
      grow: (bytes: number) => (of.owner === undefined ? 0 : of.owner.#grow(bytes)),
      allocate: (left: number) => (of.owner === undefined ? SPENT : of.owner.#allocate(left)),
      suspend: scheduler?.suspend ?? neverSuspended,
      resumed: (token: unknown) => (of.owner === undefined ? SPENT : of.owner.#resumed(token)),
    });
    return new LinkedInstances(memory, new StoreParts(memory, pool), hooks);
  }

  link(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports {
    const metadata = metadataOf(module);
    this.#checkOpen();
    this.#adopt(metadata.mode);
    this.#takeParts(metadata);
    this.#charge(metadata, imports);
    const given = { ...imports, [NAMESPACE]: this.#instances.hooks };
    const { exports } = instanceOf(module, given);
    if (!metadata.hasStart) {
      this.#instances.add(metadata, exports);
      return exports;
    }
    const own: Record<string, WebAssembly.ExportValue> = Object.create(null);
    for (const [name, value] of Object.entries(exports)) if (name !== START_EXPORT) own[name] = value;
    this.#instances.add(metadata, Object.freeze(own));
    (exports[START_EXPORT] as () => void)();
    return own;
  }

  relink(): readonly WebAssembly.Exports[] | undefined {
    if (!this.#isRelinked) return undefined;
    this.#checkOpen();
    const { mode, startFuel, exports } = this.#instances;
    if (mode !== undefined) this.#adopt(mode);
    this.#pay(startFuel);
    return exports;
  }

  image(mostBytes: number): StartImage | undefined {
    return this.#state === 'idle' ? this.#instances.image(mostBytes) : undefined;
  }

  keep(image: StartImage): void {
    if (this.#state === 'idle') this.#instances.keep(image, this.#mode === 'deadline' ? 0 : this.#callFuel);
  }

  renew(): RenewedInstances | undefined {
    if (this.#state !== 'idle' || this.#instances.owner !== this || !this.#instances.renew()) return undefined;
    this.#state = 'spent';
    return this.#instances;
  }

  #checkOpen(): void {
    if (this.#state !== 'running' || !this.owns) throw spent('no call is open on this tank: call begin first');
  }

  begin(budget: CallBudget, now?: number): void {
    if (this.#state === 'spent') throw this.#failure ?? spent('the tank is spent; make a new one');
    if (this.#state === 'running') throw spent('a call is open on this tank already');
    if (budget !== this.#budget) this.#obey(budget);
    this.#earlierFuel += this.#callFuel;
    if (this.#earlierFuel > MOST_COUNTED / 2) this.#putAside();
    this.#callFuel = 0;
    this.#begun = now ?? this.#now();
    this.#state = 'running';
    this.#isFirstSlice = true;
    this.#given = this.#opening;
    this.open(this.#given);
  }

  opens(account: Account): void {
    this.#account = account;
    account.given = this.#given;
    account.left = this.#given;
  }

  fuelOf({ given, left }: Pick<Account, 'given' | 'left'>): bigint {
    return this.#mode === 'deadline' || given === undefined ? 0n : BigInt(given - left);
  }

  charge(account: Account): void {
    const [from, to] = [this.#account, account];
    if (from === to || from === undefined || this.#state !== 'running') return;
    const now = this.#suspended ?? this.#now();
    this.#keep(from, now);
    this.#earlierFuel += this.#callFuel;
    this.#totalMs += from.microseconds / MICROSECONDS;
    this.#account = to;
    this.#obey(to.budget);
    if (to.given === undefined) {
      to.given = this.#opening;
      to.left = this.#opening;
    }
    this.#given = to.given;
    const ms = to.microseconds / MICROSECONDS;
    this.#begun = now - ms;
    this.#isFirstSlice = to.slice === undefined;
    if (to.slice !== undefined) {
      this.#sliceGiven = to.slice.given;
      this.#sliceBegun = now - to.slice.ms;
    }
    this.#callFuel = to.given - to.left;
    // The sums hold what the calls have used that are not charged now.
    this.#earlierFuel -= this.#callFuel;
    this.#totalMs -= ms;
    this.left = to.left;
  }

  #keep(account: Account, now: number): void {
    const { left } = this;
    this.#settle(left);
    account.given = this.#given;
    account.left = left;
    account.microseconds = Math.round((now - this.#begun) * MICROSECONDS);
    if (!this.#isFirstSlice) account.slice = { given: this.#sliceGiven, ms: now - this.#sliceBegun };
  }

  settle(account: Account): void {
    this.charge(account);
    if (this.#state !== 'running') throw this.#failure ?? spent('the tank is spent; make a new one');
    const now = this.#suspended ?? this.#now();
    this.#keep(account, now);
    if (this.left < 0 && this.#callFuel > this.#limit) {
      this.#callFuel = this.#limit;
      this.#fail(this.#outOfFuel());
    } else if (now - this.#begun > this.#timeMs) this.#fail(this.#deadline());
    if (this.#failure !== undefined) throw this.#failure;
  }

  end(): void {
    if (this.#state === 'idle') return;
    const failure = this.#close(this.#leave());
    if (failure !== undefined) throw failure;
    if (this.#state === 'spent') throw spent('the tank is spent; make a new one');
  }

  /** Ends a call that the guest left by returning or by an exception. The counter is exact in both cases. */
  #close(left: number): VivariumError | undefined {
    if (this.#state !== 'running') return this.#failure;
    const consumed = this.#given - left;
    // Nothing beyond the limit is handed out, so a call that has fuel left is within it.
    const over = left < 0 && consumed > this.#limit;
    this.#callFuel = over ? this.#limit : consumed;
    if (over) this.#fail(this.#outOfFuel());
    else if (this.endedAt - this.#begun > this.#timeMs) this.#fail(this.#deadline());
    else this.#state = 'idle';
    return this.#failure;
  }

  stop(reason: VivariumError): void {
    if (this.#state === 'running') this.#settle(this.left);
    this.#fail(reason);
  }

  overdue(): VivariumError | undefined {
    if (this.#state !== 'running' || this.#now() - this.#begun <= this.#timeMs) return this.#failure;
    return this.#deadline();
  }

  failure(thrown: unknown): VivariumError | undefined {
    const left = this.#leave();
    if (this.#failure !== undefined && (thrown === this.#failure || isTrap(thrown))) {
      this.#failure = named(this.#failure, thrown);
      return this.#failure;
    }
    const overflow = isStackOverflow(thrown);
    if (!overflow && !isTrap(thrown)) return this.#close(left);
    if (this.#state === 'running') {
      // `unreachable` stores the counter first. Other traps lose the unstored part of it, so the whole slice is billed.
      if (isUnreachable(thrown)) this.#settle(left);
      else this.#callFuel = this.#given;
    }
    this.#state = 'spent';
    if (!overflow) return undefined;
    this.#failure = new MeteringError(
      'METERING_STACK',
      'the guest used up its stack by recursion (it must recurse less deeply)',
      {
        cause: thrown,
      },
    );
    this.#failure = named(this.#failure, thrown);
    return this.#failure;
  }

  dispose(): void {
    const left = this.#leave();
    if (this.#state === 'running') this.#settle(left);
    this.#state = 'spent';
    // The instances are not this tank's any more if it was renewed.
    if (this.#instances.owner === this) this.#instances.dispose();
  }

  get usage(): TankUsage {
    if (this.#state === 'running') this.#settle(this.left);
    const counts = this.#mode !== 'deadline';
    const callFuel = counts ? BigInt(this.#callFuel) : 0n;
    return {
      callFuel,
      totalFuel: counts ? this.#longAgoFuel + BigInt(this.#earlierFuel) + callFuel : 0n,
      callMs: (this.isOpen ? (this.#suspended ?? this.#now()) : this.endedAt) - this.#begun,
      totalMs: this.#totalMs,
      memoryBytes: this.#memory.used,
      refusedGrowths: this.#memory.refusedGrowths,
    };
  }

  /** Releases the cell and stops the call's clock, once. Returns the fuel that the call has left. */
  #leave(): number {
    if (!this.isOpen) return SPENT;
    const now = this.#suspended ?? this.#now();
    this.#suspended = undefined;
    this.#account = undefined;
    this.endedAt = now;
    this.#totalMs += now - this.#begun;
    return this.close();
  }

  #obey(budget: CallBudget): void {
    this.#budget = budget;
    this.#limit = this.#mode === 'deadline' || budget.fuel === undefined ? NO_LIMIT : Number(budget.fuel);
    this.#timeMs = Math.min(budget.timeMs ?? LONGEST_MS, LONGEST_MS);
    this.#opening = Math.min(this.#slice, this.#limit);
  }

  #putAside(): void {
    this.#longAgoFuel += BigInt(this.#earlierFuel);
    this.#earlierFuel = 0;
  }

  /** A tank counts one thing: fuel, or in mode `deadline` a measure of time to which no fuel limit applies. */
  #adopt(mode: MeteringMode): void {
    if (this.#mode !== undefined && this.#mode !== mode) {
      throw new MeteringError(
        'METERING_UNSUPPORTED',
        `a module metered for ${mode} cannot join a store metered for ${this.#mode}; meter all for one mode`,
      );
    }
    this.#mode = mode;
    if (mode === 'fuel') return;
    this.#limit = NO_LIMIT;
    this.#opening = this.#slice;
  }

  /** Checks the clock before each instance, because a store may have many and V8 cannot be stopped within one. */
  #takeParts({ parts }: Metadata): void {
    const failure = this.overdue() ?? this.#instances.parts.take(parts);
    if (failure === undefined) return;
    this.#settle(this.left);
    this.#fail(failure);
    throw failure;
  }

  /** Charges the startup cost before anything is allocated or run. */
  #charge(metadata: Metadata, imports: WebAssembly.Imports): void {
    let fuel = metadata.mode === 'fuel' ? metadata.startupFuel : 0;
    let bytes = metadata.initialBytes;
    for (const { length, elementBytes } of metadata.arrays) {
      const count = evaluateLength(length, imports);
      if (metadata.mode === 'fuel') fuel += count;
      bytes += count * elementBytes;
    }
    if (!this.#memory.reserve(bytes)) {
      this.#settle(this.left);
      this.#fail(
        new MeteringError(
          'METERING_MEMORY',
          `the module's memories and tables begin with ${bytes} bytes; ${this.#memory.left} are left (give it more memory)`,
          { details: { bytes, limit: this.#memory.limit } },
        ),
      );
      throw this.#failure;
    }
    this.#pay(fuel);
  }

  #pay(fuel: number): void {
    const left = this.left - fuel;
    const refilled = left < 0 ? this.#refill(left) : left;
    if (refilled < 0) throw this.#failure;
    this.left = refilled;
  }

  #refill(left: number): number {
    if (this.#state !== 'running') return SPENT;
    // The call of another store is running. A function of this store would mix two budgets if it ran now.
    if (!this.owns) return this.#scheduler?.mustWait(this) === true ? WAIT : SPENT;
    const handed = this.#nextSlice(left);
    if (handed === SPENT || this.#scheduler === undefined) return handed;
    this.left = handed;
    return this.#scheduler.yields(this) ? YIELD : handed;
  }

  /** Hands out the next slice for a counter that is used up. Returns the counter's new value, or `SPENT` where the budget is. */
  #nextSlice(left: number): number {
    const consumed = this.#given - left;
    const now = this.#now();
    if (consumed > this.#limit) {
      this.#callFuel = this.#limit;
      this.#fail(this.#outOfFuel());
      return SPENT;
    }
    if (now - this.#begun > this.#timeMs) {
      this.#callFuel = consumed;
      this.#fail(this.#deadline());
      return SPENT;
    }
    const elapsed = now - (this.#isFirstSlice ? this.#begun : this.#sliceBegun);
    const given = this.#isFirstSlice ? this.#slice : this.#sliceGiven;
    if (elapsed > 0) {
      const rate = given / elapsed;
      const { smallest, largest } = this.#slices;
      this.#slice = Math.max(smallest, Math.min(largest, Math.round(rate * MILLISECONDS_PER_SLICE)));
    }
    return this.#handOut(consumed, now);
  }

  /** Called when the guest's stack is resumed. */
  #resumed(token: unknown): number {
    this.#scheduler?.resumed(token);
    if (this.#state !== 'running' || !this.owns) return SPENT;
    // Another stack of the turn may have left the counter below zero, because it was suspended before its next check. The guest takes a
    // negative answer for the end of its turn.
    if (this.left < 0) this.left = this.#nextSlice(this.left);
    return this.left;
  }

  protected override paused(): void {
    this.switchedAt = this.#now();
    this.#suspended = this.switchedAt;
  }

  /** The time during which others had the thread counts neither for the call nor for its slice. */
  protected override unpaused(): void {
    if (this.#suspended === undefined) return;
    this.switchedAt = this.#now();
    const waited = this.switchedAt - this.#suspended;
    this.#suspended = undefined;
    this.#begun += waited;
    this.#sliceBegun += waited;
  }

  /** Hands out the next slice, or what is left. Returns the counter's new value. */
  #handOut(consumed: number, now: number): number {
    this.#given = Math.min(consumed + this.#slice, this.#limit);
    this.#sliceGiven = this.#slice;
    this.#sliceBegun = now;
    this.#isFirstSlice = false;
    this.#opening = Math.min(this.#slice, this.#limit);
    return this.#given - consumed;
  }

  /** Reserves bytes for a growth, or releases them when the number is negative. Returns 1 or 0. */
  #grow(bytes: number): number {
    const memory = this.#memory;
    if (bytes <= 0) {
      memory.release(-bytes);
      return 1;
    }
    if (this.#state === 'running' && memory.reserve(bytes)) return 1;
    memory.refusedGrowths++;
    return 0;
  }

  #allocate(left: number): number {
    if (this.#state !== 'running') return SPENT;
    const { limit } = this.#memory;
    const beyond = this.#memory.allocate(-left);
    if (beyond >= 0) return beyond;
    this.#callFuel = this.#given;
    this.#fail(
      new MeteringError('METERING_MEMORY', `the guest allocated more than its ${limit} bytes (give it more memory)`, {
        details: { limit },
      }),
    );
    return SPENT;
  }

  #settle(left: number): void {
    this.#callFuel = this.#given - left;
  }

  #fail(failure: VivariumError): void {
    this.#failure ??= failure;
    this.#state = 'spent';
    this.left = SPENT;
  }

  #outOfFuel(): MeteringError {
    return new MeteringError(
      'METERING_OUT_OF_FUEL',
      `the call cost more than its ${this.#limit} units of fuel (give it more, or less to do)`,
      {
        details: { limit: BigInt(this.#limit) },
      },
    );
  }

  #deadline(): MeteringError {
    return new MeteringError(
      'METERING_DEADLINE',
      `the call took longer than its ${this.#timeMs} ms (give it more, or less to do)`,
      {
        details: { limitMs: this.#timeMs },
      },
    );
  }
}

/**
 * The reservations of other runtimes and of the host's own modules are not counted, so V8 may have less memory than the
 * quota says.
 */
function instanceOf(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module, imports);
  } catch (cause) {
    if (!(cause instanceof RangeError) || isStackOverflow(cause)) throw cause;
    const message = 'the process cannot reserve one more memory or table (unload components)';
    throw new MeteringError('METERING_MEMORY', message, { cause });
  }
}

function spent(message: string): MeteringError {
  return new MeteringError('METERING_SPENT', message);
}

/** The hook when there is no scheduler: `refill` then never requests a suspension. */
function neverSuspended(): never {
  throw new Error('this tank has no scheduler, so no call of it can be suspended');
}

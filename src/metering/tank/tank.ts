import type { VivariumError } from '#core/errors';
import type { CallBudget, MeteringMode, Scheduler, Tank, TankOptions, TankUsage } from '#core/ports/meter';
import { MeteringError } from '../errors.ts';
import { WAIT, YIELD } from '../hooks.ts';
import { type Metadata, metadataOf, NAMESPACE, START_EXPORT } from '../metadata.ts';
import { CellHolder } from './cell-holder.ts';
import { SPENT } from './fuel-cell.ts';
import { evaluateLength } from './length-terms.ts';
import { roomForHost } from './room.ts';
import { StoreMemory } from './store-memory.ts';
import { StoreParts } from './store-parts.ts';
import { isStackOverflow, isTrap, isUnreachable, named } from './trap-cause.ts';

/** Fuel up to here is counted in numbers, exactly; no call runs as far, which takes months. */
const MOST_COUNTED = Number.MAX_SAFE_INTEGER;
/**
 * The limit where fuel has none. No number will do: a 64-bit length is paid before its operation runs, and the trap that
 * ends that is the guest's own, not the budget's.
 */
const NO_LIMIT = Number.POSITIVE_INFINITY;
/** Milliseconds that stand for no limit: twelve days, and a number that V8 keeps in place. */
const LONGEST_MS = 2 ** 30;
/** Fuel handed out at once: how much to begin with, and the bounds in which the measured rate moves it. */
export interface SliceSizes {
  readonly first: number;
  readonly smallest: number;
  readonly largest: number;
}

/** The largest is some 0.2 ms of the fastest code, so that the clock is read often enough. */
const SLICES: SliceSizes = { first: 100_000, smallest: 20_000, largest: 400_000 };
const MILLISECONDS_PER_SLICE = 0.5;

type State = 'idle' | 'running' | 'spent';

/** The one budget of all core instances of a store: a counter that they share, and the hooks that refill it. */
export class SharedTank extends CellHolder implements Tank {
  // What every call touches comes first and together: with a thousand stores called in turn it is cache lines that cost.
  #state: State = 'idle';
  /** The budget that is being kept: mostly the same for every call. */
  #budget: CallBudget | undefined;
  /** What a call is handed first: a slice, or its whole budget. */
  #opening = 0;
  /** Fuel handed out in this call. */
  #given = 0;
  #isFirstSlice = true;
  #callFuel = 0;
  /** Fuel of earlier calls, of which as much as would be inexact lies in `#longAgoFuel`. */
  #earlierFuel = 0;
  #timeMs = LONGEST_MS;
  #begun = 0;
  endedAt = 0;
  #totalMs = 0;
  readonly #now: () => number;
  #failure: VivariumError | undefined;
  #mode: MeteringMode | undefined;
  #limit = 0;
  #slice: number;
  #sliceGiven = 0;
  /** When the second slice of a call was handed out, or a later one. */
  #sliceBegun = 0;
  #longAgoFuel = 0n;
  readonly #memory: StoreMemory;
  readonly #parts: StoreParts;
  readonly #hooks: WebAssembly.ModuleImports;
  readonly #slices: SliceSizes;
  readonly #scheduler: Scheduler | undefined;
  /** When another call took the thread, while it has it. */
  #suspended: number | undefined = undefined;

  constructor(options: TankOptions, now: () => number, slices: SliceSizes = SLICES) {
    super();
    this.#memory = new StoreMemory(options.maxMemoryBytes, options.pool);
    this.#parts = new StoreParts(this.#memory, options.pool);
    this.#now = now;
    this.#slices = slices;
    this.#scheduler = options.scheduler;
    this.#slice = slices.first;
    this.#hooks = {
      fuel: this.fuel,
      heap: this.#memory.heap,
      room: roomForHost(),
      refill: (left: bigint) => BigInt(this.#refill(Number(left))),
      grow: (bytes: number) => this.#grow(bytes),
      allocate: (left: bigint) => BigInt(this.#allocate(Number(left))),
      suspend: options.scheduler?.suspend ?? neverSuspended,
      resumed: (token: number) => BigInt(this.#resumed(token)),
    };
  }

  link(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports {
    const metadata = metadataOf(module);
    if (this.#state !== 'running' || !this.owns) throw spent('no call is open on this tank: call begin first');
    this.#adopt(metadata.mode);
    this.#takeParts(metadata);
    this.#charge(metadata, imports);
    const given = { ...imports, [NAMESPACE]: this.#hooks };
    const { exports } = instanceOf(module, given);
    if (!metadata.hasStart) return exports;
    const own: Record<string, WebAssembly.ExportValue> = Object.create(null);
    for (const [name, value] of Object.entries(exports)) if (name !== START_EXPORT) own[name] = value;
    (exports[START_EXPORT] as () => void)();
    return Object.freeze(own);
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

  end(): void {
    if (this.#state === 'idle') return;
    const failure = this.#close(this.#leave());
    if (failure !== undefined) throw failure;
    if (this.#state === 'spent') throw spent('the tank is spent; make a new one');
  }

  /** Ends a call that the guest left by returning or by an exception: the counter is exact in both cases. */
  #close(left: number): VivariumError | undefined {
    if (this.#state !== 'running') return this.#failure;
    const consumed = this.#given - left;
    // Nothing is handed out beyond the limit, so what has something left is within it.
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
      // `unreachable` stores the counter first; other traps lose what was not stored, and the whole slice is billed.
      if (isUnreachable(thrown)) this.#settle(left);
      else this.#callFuel = this.#given;
    }
    this.#state = 'spent';
    if (!overflow) return undefined;
    this.#failure = new MeteringError(
      'METERING_STACK',
      'the guest recursed until its stack was used up (it must recurse less deeply)',
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
    this.#memory.dispose();
    this.#parts.dispose();
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

  /** Ends the call's hold of the cell and its time, once; answers what it has left. */
  #leave(): number {
    if (!this.isOpen) return SPENT;
    const now = this.#suspended ?? this.#now();
    this.#suspended = undefined;
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

  /** One tank counts one thing: fuel, or in mode `deadline` a measure of time that no fuel limit applies to. */
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

  /** A store may have many instances: the clock is looked at before each, since V8 cannot be stopped within one. */
  #takeParts({ parts }: Metadata): void {
    const failure = this.overdue() ?? this.#parts.take(parts);
    if (failure === undefined) return;
    this.#settle(this.left);
    this.#fail(failure);
    throw failure;
  }

  /** Startup is paid before anything is allocated or run. */
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
    } else {
      const left = this.left - fuel;
      const refilled = left < 0 ? this.#refill(left) : left;
      if (refilled >= 0) {
        this.left = refilled;
        return;
      }
    }
    throw this.#failure;
  }

  #refill(left: number): number {
    if (this.#state !== 'running') return SPENT;
    // A function of this store that runs in another's call would mix two budgets.
    if (!this.owns) return this.#scheduler?.mustWait(this) === true ? WAIT : SPENT;
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
    const handed = this.#hand(consumed, now);
    if (this.#scheduler === undefined) return handed;
    this.left = handed;
    return this.#scheduler.yields(this) ? YIELD : handed;
  }

  /** The guest's stack goes on. */
  #resumed(token: number): number {
    this.#scheduler?.resumed(token);
    return this.#state === 'running' && this.owns ? this.left : SPENT;
  }

  protected override paused(): void {
    this.#suspended = this.#now();
  }

  /** What has passed while others had the thread is no time of the call, nor of its slice. */
  protected override unpaused(): void {
    if (this.#suspended === undefined) return;
    const waited = this.#now() - this.#suspended;
    this.#suspended = undefined;
    this.#begun += waited;
    this.#sliceBegun += waited;
  }

  /** Hands out the next slice, or what is left; answers the counter that stands for it. */
  #hand(consumed: number, now: number): number {
    this.#given = Math.min(consumed + this.#slice, this.#limit);
    this.#sliceGiven = this.#slice;
    this.#sliceBegun = now;
    this.#isFirstSlice = false;
    this.#opening = Math.min(this.#slice, this.#limit);
    return this.#given - consumed;
  }

  /** Reserves bytes for a growth, or takes them back when negative; answers 1 or 0. */
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

/** What other runtimes and the host's own modules reserve is not counted, so V8 may have less than the quota says. */
function instanceOf(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module, imports);
  } catch (cause) {
    if (!(cause instanceof RangeError) || isStackOverflow(cause)) throw cause;
    const message = 'the process has no room for one more memory or table (unload components)';
    throw new MeteringError('METERING_MEMORY', message, { cause });
  }
}

function spent(message: string): MeteringError {
  return new MeteringError('METERING_SPENT', message);
}

/** Stands where no scheduler is: `refill` never asks for it. */
function neverSuspended(): never {
  throw new Error('no call of this tank is ever suspended');
}

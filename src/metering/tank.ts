import {
  type CallBudget,
  MAX_FUEL,
  type MemoryPool,
  type MeteringMode,
  type Tank,
  type TankOptions,
  type TankUsage,
  type VivariumError,
} from '#core';
import { MeteringError } from './errors.ts';
import { NAMESPACE, START_EXPORT } from './hooks.ts';
import { type LengthTerm, type Metadata, metadataOf } from './metadata.ts';
import { roomForHost } from './room.ts';

/** A counter that no budget reaches: whoever reads it asks the tank, which answers with a trap. */
const SPENT = -(2n ** 62n);
/** Fuel handed out at once: at most some 0.2 ms of the fastest code, so that the clock is read often enough. */
const LARGEST_SLICE = 400_000;
const SMALLEST_SLICE = 20_000;
const MILLISECONDS_PER_SLICE = 0.5;
/** Bytes of the store's memory that objects may take before the tank is asked again. */
const HEAP_SLICE = 65_536;

type State = 'idle' | 'running' | 'spent';

/** The one budget of all core instances of a store: a counter that they share, and the hooks that refill it. */
export class SharedTank implements Tank {
  readonly #fuel = new WebAssembly.Global({ value: 'i64', mutable: true }, SPENT);
  readonly #heap = new WebAssembly.Global({ value: 'i64', mutable: true }, 0n);
  readonly #hooks: WebAssembly.ModuleImports;
  readonly #maxMemoryBytes: number;
  readonly #pool: MemoryPool | undefined;
  readonly #now: () => number;

  #state: State = 'idle';
  #mode: MeteringMode | undefined;
  #failure: VivariumError | undefined;
  #limit = 0n;
  /** Fuel handed out in this call. */
  #given = 0n;
  #timeMs = Number.POSITIVE_INFINITY;
  #begun = 0;
  #slice = 100_000;
  #sliceBegun = 0;
  #sliceGiven = 0;
  #callFuel = 0n;
  #earlierFuel = 0n;
  #reservedBytes = 0;
  #refusedGrowths = 0;

  constructor(options: TankOptions, now: () => number) {
    this.#maxMemoryBytes = options.maxMemoryBytes;
    this.#pool = options.pool;
    this.#now = now;
    this.#hooks = {
      fuel: this.#fuel,
      heap: this.#heap,
      room: roomForHost(),
      refill: (left: bigint) => this.#refill(left),
      grow: (bytes: number) => this.#grow(bytes),
      allocate: (left: bigint) => this.#allocate(left),
    };
  }

  link(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports {
    const metadata = metadataOf(module);
    if (this.#state !== 'running') throw spent('no call is open on this tank: call begin first');
    this.#adopt(metadata.mode);
    this.#charge(metadata, imports);
    const given = { ...imports, [NAMESPACE]: this.#hooks };
    const { exports } = new WebAssembly.Instance(module, given);
    const own: Record<string, WebAssembly.ExportValue> = Object.create(null);
    for (const [name, value] of Object.entries(exports)) if (name !== START_EXPORT) own[name] = value;
    if (metadata.hasStart) (exports[START_EXPORT] as () => void)();
    return Object.freeze(own);
  }

  begin(budget: CallBudget): void {
    if (this.#state === 'spent') throw this.#failure ?? spent('the tank is spent; make a new one');
    if (this.#state === 'running') throw spent('a call is open on this tank already');
    this.#earlierFuel += this.#callFuel;
    this.#callFuel = 0n;
    this.#limit = this.#mode === 'deadline' ? MAX_FUEL : (budget.fuel ?? MAX_FUEL);
    this.#timeMs = budget.timeMs ?? Number.POSITIVE_INFINITY;
    this.#begun = this.#now();
    this.#state = 'running';
    this.#given = 0n;
    this.#fuel.value = this.#hand(0n, this.#begun);
  }

  end(): void {
    if (this.#state === 'idle') return;
    const failure = this.#close();
    if (failure !== undefined) throw failure;
    if (this.#state === 'spent') throw spent('the tank is spent; make a new one');
  }

  /** Ends a call that the guest left by returning or by an exception: the counter is exact in both cases. */
  #close(): VivariumError | undefined {
    if (this.#state !== 'running') return this.#failure;
    const consumed = this.#given - (this.#fuel.value as bigint);
    const over = consumed > this.#limit;
    this.#callFuel = over ? this.#limit : consumed;
    if (over) this.#fail(this.#outOfFuel());
    else if (this.#now() - this.#begun > this.#timeMs) this.#fail(this.#deadline());
    else {
      this.#state = 'idle';
      this.#fuel.value = SPENT;
    }
    return this.#failure;
  }

  stop(reason: VivariumError): void {
    if (this.#state === 'running') this.#settle();
    this.#fail(reason);
  }

  failure(thrown: unknown): VivariumError | undefined {
    if (this.#failure !== undefined && (thrown === this.#failure || isTrap(thrown))) {
      this.#failure = named(this.#failure, thrown);
      return this.#failure;
    }
    const overflow = isStackOverflow(thrown);
    if (!overflow && !isTrap(thrown)) return this.#close();
    if (this.#state === 'running') {
      // `unreachable` stores the counter first; other traps lose what was not stored, and the whole slice is billed.
      if (isTrap(thrown) && thrown.message === 'unreachable') this.#settle();
      else this.#callFuel = this.#given;
    }
    this.#state = 'spent';
    this.#fuel.value = SPENT;
    if (!overflow) return undefined;
    this.#failure = new MeteringError('METERING_STACK', 'the guest recursed until its stack was used up', {
      cause: thrown,
    });
    this.#failure = named(this.#failure, thrown);
    return this.#failure;
  }

  dispose(): void {
    if (this.#state === 'running') this.#settle();
    this.#state = 'spent';
    this.#fuel.value = SPENT;
    this.#pool?.release(this.#reservedBytes);
    this.#reservedBytes = 0;
    this.#heap.value = 0n;
  }

  get usage(): TankUsage {
    if (this.#state === 'running') this.#callFuel = this.#given - (this.#fuel.value as bigint);
    const counts = this.#mode !== 'deadline';
    return {
      callFuel: counts ? this.#callFuel : 0n,
      totalFuel: counts ? this.#earlierFuel + this.#callFuel : 0n,
      memoryBytes: this.#reservedBytes - Number(this.#heap.value),
      refusedGrowths: this.#refusedGrowths,
    };
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
    if (mode === 'deadline') this.#limit = MAX_FUEL;
  }

  /** Startup is paid before anything is allocated or run. */
  #charge(metadata: Metadata, imports: WebAssembly.Imports): void {
    let fuel = metadata.mode === 'fuel' ? BigInt(metadata.startupFuel) : 0n;
    let bytes = metadata.initialBytes;
    for (const { length, elementBytes } of metadata.arrays) {
      const count = evaluate(length, imports);
      if (metadata.mode === 'fuel') fuel += BigInt(count);
      bytes += count * elementBytes;
    }
    if (!this.#reserve(bytes)) {
      this.#settle();
      this.#fail(
        new MeteringError(
          'METERING_MEMORY',
          `the module's memories and tables begin with ${bytes} bytes; ${this.#maxMemoryBytes - this.#reservedBytes} are left`,
          { details: { bytes, limit: this.#maxMemoryBytes } },
        ),
      );
    } else {
      const left = (this.#fuel.value as bigint) - fuel;
      const refilled = left < 0n ? this.#refill(left) : left;
      if (refilled >= 0n) {
        this.#fuel.value = refilled;
        return;
      }
    }
    throw this.#failure;
  }

  #refill(left: bigint): bigint {
    if (this.#state !== 'running') return SPENT;
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
    const elapsed = now - this.#sliceBegun;
    if (elapsed > 0) {
      const rate = this.#sliceGiven / elapsed;
      this.#slice = Math.max(SMALLEST_SLICE, Math.min(LARGEST_SLICE, Math.round(rate * MILLISECONDS_PER_SLICE)));
    }
    // A loop in this mode leaves to here and charges its turn anew, so a turn that costs more than a slice needs all of it.
    if (this.#mode === 'deadline') this.#slice = Math.max(this.#slice, this.#sliceGiven - Number(left));
    return this.#hand(consumed, now);
  }

  /** Hands out the next slice, or what is left; answers the counter that stands for it. */
  #hand(consumed: bigint, now: number): bigint {
    const wanted = consumed + BigInt(this.#slice);
    this.#given = wanted < this.#limit ? wanted : this.#limit;
    this.#sliceGiven = this.#slice;
    this.#sliceBegun = now;
    return this.#given - consumed;
  }

  /** Reserves bytes for a growth, or takes them back when negative; answers 1 or 0. */
  #grow(bytes: number): number {
    if (bytes <= 0) {
      this.#release(-bytes);
      return 1;
    }
    if (this.#state === 'running' && this.#reserve(bytes)) return 1;
    this.#refusedGrowths++;
    return 0;
  }

  #allocate(left: bigint): bigint {
    if (this.#state !== 'running') return SPENT;
    const missing = -Number(left);
    const most = this.#maxMemoryBytes - this.#reservedBytes;
    for (const bytes of [Math.min(missing + HEAP_SLICE, most), missing]) {
      if (bytes >= missing && this.#take(bytes)) return BigInt(bytes - missing);
    }
    this.#callFuel = this.#given;
    this.#heap.value = 0n;
    this.#fail(
      new MeteringError('METERING_MEMORY', `the guest allocated more than its ${this.#maxMemoryBytes} bytes`, {
        details: { limit: this.#maxMemoryBytes },
      }),
    );
    return SPENT;
  }

  /** Takes bytes for a memory or table; what objects have not used of their slice is given back first when it counts. */
  #reserve(bytes: number): boolean {
    if (this.#take(bytes)) return true;
    this.#release(Number(this.#heap.value));
    this.#heap.value = 0n;
    return this.#take(bytes);
  }

  #take(bytes: number): boolean {
    if (!(bytes <= this.#maxMemoryBytes - this.#reservedBytes)) return false;
    if (this.#pool !== undefined && !this.#pool.reserve(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  #release(bytes: number): void {
    this.#reservedBytes -= bytes;
    this.#pool?.release(bytes);
  }

  #settle(): void {
    this.#callFuel = this.#given - (this.#fuel.value as bigint);
  }

  #fail(failure: VivariumError): void {
    this.#failure ??= failure;
    this.#state = 'spent';
    this.#fuel.value = SPENT;
  }

  #outOfFuel(): MeteringError {
    return new MeteringError('METERING_OUT_OF_FUEL', `the call cost more than its ${this.#limit} units of fuel`, {
      details: { limit: this.#limit },
    });
  }

  #deadline(): MeteringError {
    return new MeteringError('METERING_DEADLINE', `the call took longer than its ${this.#timeMs} ms`, {
      details: { limitMs: this.#timeMs },
    });
  }
}

function spent(message: string): MeteringError {
  return new MeteringError('METERING_SPENT', message);
}

function isTrap(thrown: unknown): thrown is WebAssembly.RuntimeError {
  return thrown instanceof WebAssembly.RuntimeError;
}

function isStackOverflow(thrown: unknown): boolean {
  return thrown instanceof RangeError && thrown.message === 'Maximum call stack size exceeded';
}

/** `    at name (wasm://wasm/0123abcd:wasm-function[7]:0x1f)`, of functions that have a name. */
const FRAME = /^ {4}at (?:async )?(.+) \(wasm:\/\//gm;

/** The guest's function that was running when `thrown` was thrown, where V8 says so. */
function runningFunction(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return undefined;
  for (const [, name = ''] of thrown.stack.matchAll(FRAME)) {
    const own = name.replace(/^wasm-function\./, '');
    if (!own.includes(NAMESPACE)) return own;
  }
  return undefined;
}

/** The error, saying which function was running when that is known. */
function named(failure: VivariumError, thrown: unknown): VivariumError {
  const running = runningFunction(thrown);
  if (running === undefined || !(failure instanceof MeteringError) || 'function' in failure.details) return failure;
  return new MeteringError(failure.code, `${failure.message}, in function ${running}`, {
    cause: failure.cause ?? thrown,
    details: { ...failure.details, function: running },
  });
}

/** An i32 length, unsigned, from constants and imported globals. */
function evaluate(terms: readonly LengthTerm[], imports: WebAssembly.Imports): number {
  const stack: number[] = [];
  for (const term of terms) {
    if (term === '+' || term === '-' || term === '*') {
      const right = stack.pop() ?? 0;
      const left = stack.pop() ?? 0;
      stack.push(term === '+' ? (left + right) | 0 : term === '-' ? (left - right) | 0 : Math.imul(left, right));
    } else if (typeof term === 'string') stack.push(Number(term) | 0);
    else {
      const value = imports[term.module]?.[term.name];
      stack.push(Number(value instanceof WebAssembly.Global ? value.value : value) | 0);
    }
  }
  return (stack.at(-1) ?? 0) >>> 0;
}

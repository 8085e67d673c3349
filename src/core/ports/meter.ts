import type { VivariumError } from '#core/errors';
import type { Quota } from '#core/limits';

/** `fuel`: exact counts and a deadline. `deadline`: time only, cheaper. Part of what identifies an artifact. */
export type MeteringMode = 'fuel' | 'deadline';

/** What one call may spend. */
export interface CallBudget {
  /** Units of fuel; absent: only time bounds the call. */
  readonly fuel?: bigint | undefined;
  /** Milliseconds of wall clock; absent: only fuel bounds the call. */
  readonly timeMs?: number | undefined;
}

/** Bytes that several tanks share: a runtime's total over all its components. */
export interface MemoryPool {
  /** Takes `bytes` from the pool, or answers false and takes nothing. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
  /** How many memories there may be at a time: V8 reserves 8 GiB of address space for each, whatever its size. */
  readonly memories: Quota;
}

export interface TankOptions {
  readonly maxMemoryBytes: number;
  readonly pool?: MemoryPool | undefined;
  /** Who may take the thread from a call; without it none is ever suspended. */
  readonly scheduler?: Scheduler | undefined;
}

/**
 * Who decides which turn has the thread. A guest is suspended only by a function of its own that runs right behind the
 * question, because a call from JavaScript further up the stack cannot suspend it.
 */
export interface Scheduler {
  /** Whether the call of `tank` was parked in the host function that it has just called, and must wait. */
  mustWait(tank: Tank): boolean;
  /** The call of `tank` has used up its slice. True parks it, to go on later; false lets it run on. */
  yields(tank: Tank): boolean;
  /** A `WebAssembly.Suspending`: waits until the call that was parked last may go on, and answers its token. */
  readonly suspend: WebAssembly.ImportValue;
  /** Gives the thread to the call of this token. */
  resumed(token: number): void;
}

/** An import that may have to wait for its answer. */
export interface WaitingImport {
  readonly module: string;
  readonly name: string;
}

/** What a tank has counted so far. */
export interface TankUsage {
  /** Fuel of the call that runs or, between calls, of the last one. Exact. */
  readonly callFuel: bigint;
  /** Fuel over all calls in the tank's life, instantiation included. */
  readonly totalFuel: bigint;
  /** Milliseconds of the last call that ended, and of all in the tank's life. */
  readonly callMs: number;
  readonly totalMs: number;
  /** Bytes held by memories and tables now, and allocated by GC operators and caught exceptions so far. */
  readonly memoryBytes: number;
  /** How often a growth was refused, which the guest saw as -1. */
  readonly refusedGrowths: number;
}

/**
 * The one budget of all core instances of a component's store.
 *
 * A call is `begin`, the guest's code, `end`. After `end` threw or the guest trapped the tank is spent: nothing linked
 * to it may be entered again, and every entry traps.
 */
export interface Tank {
  /** Instantiates a metered module on this budget; nothing that metering added is among the exports given back. */
  link(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports;
  /**
   * Opens a call's budget. Instantiation is a call too.
   * @param now the meter's clock, where the caller has just read it
   */
  begin(budget: CallBudget, now?: number): void;
  /** Closes it; nothing happens when none is open. @throws the `METERING_…` error when the call cost more than it was given. */
  end(): void;
  /**
   * Ends the call from a host function that the guest called: the guest traps behind it, and cannot catch that. `failure`
   * then answers `reason`. The tank is spent.
   */
  stop(reason: VivariumError): void;
  /** What ends the call that runs, when its time is over: for host code that works long within it. */
  overdue(): VivariumError | undefined;
  /**
   * The `METERING_…` error (or the reason of `stop`) behind something thrown out of the guest, or undefined when it was
   * the guest's own doing. Closes the call: after an exception the tank serves the next one, after a trap it is spent.
   */
  failure(thrown: unknown): VivariumError | undefined;
  /** Gives the memory back to the pool; the tank is spent. */
  dispose(): void;
  readonly usage: TankUsage;
  /** The meter's clock when the last call ended. */
  readonly endedAt: number;
}

export interface MeteredModule {
  readonly bytes: Uint8Array;
}

/** The module of what attached code imports and, with a dot, the start of what it exports: no guest may use the name. */
export const ATTACHED = 'vivarium:metering.attached';

/**
 * Code of the host's that a module gets besides its own. It is not metered, so it must end by itself; it calls what the
 * module exports, and nothing of the module can reach it.
 */
export interface AttachedCode {
  /** Functions that the instance is given as `ATTACHED`. */
  readonly imports: readonly AttachedSignature[];
  readonly functions: readonly AttachedFunction[];
}

export interface AttachedSignature {
  readonly name: string;
  readonly parameters: readonly ('i32' | 'i64')[];
  readonly results: readonly ('i32' | 'i64')[];
}

export interface AttachedFunction extends AttachedSignature {
  /** Whether it is exported, as `ATTACHED`, a dot and its name. */
  readonly exported: boolean;
  /** Its locals and code in the binary format, with function indices as they are in the metered module. */
  body(indices: AttachedIndices): Uint8Array;
}

export interface AttachedIndices {
  /** Of a function that the module exports under this name. */
  exported(name: string): number;
  /** Of a function among the attached ones, or of one that they import. */
  attached(name: string): number;
}

/** Rewrites core modules so that they count, and makes the tanks that they draw on. */
export interface Meter {
  /** Names the rewriting; a change of it makes older artifacts unusable. */
  readonly version: string;
  /** Wasm bytes in, metered wasm bytes out; pure and deterministic. @throws `METERING_…` */
  meterModule(
    bytes: Uint8Array,
    mode: MeteringMode,
    attached?: AttachedCode,
    waiting?: readonly WaitingImport[],
  ): MeteredModule;
  createTank(options: TankOptions): Tank;
}

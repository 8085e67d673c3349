import type { VivariumError } from '#core/errors';
import type { Quota } from '#core/limits';
import type { RenewedInstances, StartImage } from './renewal.ts';

/**
 * `fuel`: exact counts and a deadline. `deadline`: only time, which costs less. The mode is part of an artifact's key.
 */
export type MeteringMode = 'fuel' | 'deadline';

/** The budget of one call. */
export interface CallBudget {
  /** Units of fuel; when absent, only time bounds the call. */
  readonly fuel?: bigint | undefined;
  /** Milliseconds of wall clock; when absent, only fuel bounds the call. */
  readonly timeMs?: number | undefined;
}

/**
 * One of several calls that share a tank, each of which has a budget of its own: where the tank stood with it when it was settled or ceased to
 * be charged last. Whoever makes the calls provides it, since ten thousand may wait. Only the tank sets its fields.
 */
export interface Account {
  readonly budget: CallBudget;
  /** The fuel handed out, and what is left of it; undefined while nothing was charged. */
  given: number | undefined;
  left: number;
  /** Whole microseconds that the call has run, without those in which others were charged. V8 keeps a fraction as an object. */
  microseconds: number;
  /** Its slice, if that is not the first: the fuel of it, and the milliseconds since it began, counted alike. */
  slice: { readonly given: number; readonly ms: number } | undefined;
}

/** Bytes that several tanks share: a runtime's total over all its components. */
export interface MemoryPool {
  /** Takes `bytes` from the pool. Returns false and takes nothing when fewer are left. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
  /** Says what to call, before anything is refused, to have bytes and memories given back that nobody uses now. */
  onShortage?(giveBack: () => void): void;
  /** The quota of memories. V8 reserves 8 GiB of address space for each, whatever its size. */
  readonly memories: Quota;
}

export interface TankOptions {
  readonly maxMemoryBytes: number;
  readonly pool?: MemoryPool | undefined;
  /** Decides about suspension; without it no call is ever suspended. */
  readonly scheduler?: Scheduler | undefined;
  /** Instances of a tank that made them with the same pool and scheduler, and for the same most bytes. `relink` hands them out. */
  readonly instances?: RenewedInstances | undefined;
}

/**
 * Decides which turn has the thread. Only a function of the guest itself, called right after the decision, can suspend
 * a guest, because a call from JavaScript further up the stack cannot.
 */
export interface Scheduler {
  /** Whether the call of `tank` was parked in the host function that it has just called, and must wait. */
  mustWait(tank: Tank): boolean;
  /**
   * Called when the call of `tank` has used up its slice. True parks the call, to go on later; false lets it run on.
   */
  yields(tank: Tank): boolean;
  /**
   * A `WebAssembly.Suspending`: it waits until the call that was parked last may go on, and returns the call's token, a value that
   * the guest cannot read.
   */
  readonly suspend: WebAssembly.ImportValue;
  /** Gives the thread to the call of this token. */
  resumed(token: unknown): void;
}

/** An import that may have to wait for its answer. */
export interface WaitingImport {
  readonly module: string;
  readonly name: string;
}

/** An imported function that reads or sets a number which the guest's thread keeps. Metered code reads or sets a global in its place. */
export interface ContextImport {
  readonly module: string;
  readonly name: string;
  readonly slot: number;
  /** Whether it sets the number, which is its only parameter, or answers it. */
  readonly sets: boolean;
}

/** The module name under which an instance is given the mutable globals of its context imports. The name of each is its slot. */
export const CONTEXT = 'vivarium:metering.context';

/** What a tank has counted so far. */
export interface TankUsage {
  /** The exact fuel of the running call or, between calls, of the last one. */
  readonly callFuel: bigint;
  /** The fuel of all calls in the tank's life, including instantiation. */
  readonly totalFuel: bigint;
  /** The milliseconds of the last call that ended, and of all calls in the tank's life. */
  readonly callMs: number;
  readonly totalMs: number;
  /** The bytes that memories and tables hold now and that GC operators and caught exceptions have allocated so far. */
  readonly memoryBytes: number;
  /** How often a growth was refused, for which the guest saw -1. */
  readonly refusedGrowths: number;
}

/**
 * The one budget of all core instances of a component's store.
 *
 * A call is `begin`, the guest's code, `end`. After `end` threw or the guest trapped, the tank is spent: nothing linked
 * to it may be entered again, and every entry traps.
 */
export interface Tank {
  /**
   * Instantiates a metered module on this budget. Besides the module's own exports, it returns those of `MeteringOptions`. Their names
   * begin with `vivarium:metering`, by which no guest can import them.
   */
  link(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports;
  /**
   * Charges the instantiation of the instances that the tank was made with, and returns their exports in the order in which they were
   * linked. Undefined for a tank that was made without.
   */
  relink(): readonly WebAssembly.Exports[] | undefined;
  /**
   * What the instances hold that were linked. Call it after instantiation and before any other call. Undefined where they can change
   * something that cannot be brought back. The image holds for all stores whose instantiation does the same, which is so for all of a
   * component's if no function of the host's is called in it.
   * @param mostBytes undefined is returned for memories that are larger than this together
   */
  image(mostBytes: number): StartImage | undefined;
  /** Says that `renew` is to bring the instances back to this image. Call it when `image` may be called. */
  keep(image: StartImage): void;
  /**
   * Takes the instances out of the tank, which is spent then, and brings them back to what they held after instantiation. Undefined where
   * that is not possible: the last call has not ended well, a memory has grown, `keep` was not called.
   */
  renew(): RenewedInstances | undefined;
  /**
   * Opens a call's budget. Instantiation is a call too.
   * @param now the reading of the meter's clock, if the caller has just read it
   */
  begin(budget: CallBudget, now?: number): void;
  /** Gives the call that `begin` has opened its account, beside which there may be others. */
  opens(account: Account): void;
  /** The exact fuel that was charged to an account. */
  fuelOf(account: Pick<Account, 'given' | 'left'>): bigint;
  /** Charges what runs from now on to this account. Call it between `begin` and `end`, while no guest code runs that may not be counted yet. */
  charge(account: Account): void;
  /** Charges this account, and checks that it is within its budget. @throws the `METERING_…` error, after which the tank is spent */
  settle(account: Account): void;
  /** Closes the budget, if one is open. @throws the `METERING_…` error when the call cost more than its budget */
  end(): void;
  /**
   * Ends the call from a host function that the guest called. The guest traps after the host function and cannot catch
   * this trap. `failure` then returns `reason`, and the tank is spent.
   */
  stop(reason: VivariumError): void;
  /**
   * Returns the error that ends the running call when its time is over, for host code that works for long within it.
   */
  overdue(): VivariumError | undefined;
  /**
   * Returns the `METERING_…` error (or the reason of `stop`) behind an exception from the guest; undefined when the
   * guest caused it itself. Closes the call: after an exception the tank serves the next one, after a trap it is spent.
   */
  failure(thrown: unknown): VivariumError | undefined;
  /** Returns the memory to the pool. The tank is spent. */
  dispose(): void;
  readonly usage: TankUsage;
  /** The reading of the meter's clock when the last call ended. */
  readonly endedAt: number;
  /** The reading of that clock when the call last gave the thread to another one, or got it back. */
  readonly switchedAt: number;
}

export interface MeteredModule {
  readonly bytes: Uint8Array;
}

/**
 * The module name of attached code's imports and, with a dot, the prefix of its exports. No guest may use this name.
 */
export const ATTACHED = 'vivarium:metering.attached';

/**
 * Host code that is added to a module. It is not metered, so it must end by itself. It calls the module's exports, and
 * nothing in the module can reach it.
 */
export interface AttachedCode {
  /** The functions that the instance gets as imports of `ATTACHED`. */
  readonly imports: readonly AttachedSignature[];
  readonly functions: readonly AttachedFunction[];
}

export interface AttachedSignature {
  readonly name: string;
  readonly parameters: readonly ('i32' | 'i64')[];
  readonly results: readonly ('i32' | 'i64')[];
}

export interface AttachedFunction extends AttachedSignature {
  /** Whether it is exported, under `ATTACHED`, a dot and its name. */
  readonly exported: boolean;
  /** Returns its locals and code in the binary format, with function indices of the metered module. */
  body(indices: AttachedIndices): Uint8Array;
}

export interface AttachedIndices {
  /** Returns the index of the function that the module exports under this name. */
  exported(name: string): number;
  /** Returns the index of an attached function, or of one that attached code imports. */
  attached(name: string): number;
}

/** How a module is rewritten for whoever instantiates it. */
export interface MeteringOptions {
  /** Host code that is appended to the module. */
  readonly attached?: AttachedCode | undefined;
  /** Imports that may have to wait: their callers suspend themselves and call them again for the answer. */
  readonly waiting?: readonly WaitingImport[] | undefined;
  /** Imports in place of whose calls the code uses globals, at the same cost. */
  readonly contexts?: readonly ContextImport[] | undefined;
  /**
   * Whether tanks may renew instances, for which the module exports its memories and a function besides its own exports. False by
   * default.
   */
  readonly renewable?: boolean;
}

/** Rewrites core modules so that they count, and makes the tanks from which they draw. */
export interface Meter {
  /** Identifies the rewriting. When it changes, older artifacts are unusable. */
  readonly version: string;
  /** Rewrites wasm bytes to metered wasm bytes. It is pure and deterministic. @throws `METERING_…` */
  meterModule(bytes: Uint8Array, mode: MeteringMode, options?: MeteringOptions): MeteredModule;
  createTank(options: TankOptions): Tank;
}

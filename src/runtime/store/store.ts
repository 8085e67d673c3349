import type { ComponentHandle } from '#core';
import { isVivariumError, messageOf, type VivariumError } from '#core/errors';
import { Quota } from '#core/limits';
import type { OutgoingMessage } from '#core/messages';
import type { ComponentAuthority } from '#core/ports/authority';
import type { Stdio } from '#core/ports/bytes';
import type { Clock } from '#core/ports/clock';
import type { Turn as CoreTurn } from '#core/ports/engine';
import type { Preopen } from '#core/ports/files';
import { ATTACHED, type CallBudget, type Tank } from '#core/ports/meter';
import type { ComponentNetwork } from '#core/ports/network';
import type { KeyValueNamespace } from '#core/ports/storage';
import { shownData } from '#core/text';
import type { ComponentCode, ComponentExports, Lifecycle, MessageCalls } from '#runtime/code';
import { theExchange } from '#runtime/exchange';
import { execution, type Suspension, Turn, type TurnScheduler } from '#runtime/execution';
import type { Environment, HostState, LogRecord } from '#runtime/host';
import { TurnCaller } from '#runtime/host';
import { GivenResources, type ResourceCalls, type ResourceType } from '#runtime/resources';
import { FileGuard } from '#security/access';
import { ArgumentRefused, ComponentError, RuntimeError } from '../errors.ts';
import { BYTES_PER_LOOK, type LiftBounds, mostLifted } from '../heap-cost.ts';
import { LastWords, type PlaceMapper, withoutStack } from './guest-words.ts';
import { TrapGuard } from './trap-guard.ts';

/** What the host keeps on behalf of one store at most, if its own memory may be larger. */
const MAX_HOST_BYTES = 16 * 2 ** 20;

/** What a store is made of. */
export interface StoreParts {
  readonly handle: ComponentHandle;
  readonly code: ComponentCode;
  readonly imports: Readonly<Record<string, unknown>>;
  readonly authority: ComponentAuthority;
  readonly environment: Environment;
  readonly args: readonly string[];
  readonly preopens: readonly Preopen[];
  readonly network: ComponentNetwork;
  readonly stdio: Stdio;
  readonly tank: Tank;
  readonly scheduler: TurnScheduler;
  /** Whether its turns give the thread to others after a slice, and their share of it. */
  readonly preemptive: boolean;
  readonly clock: Clock;
  /** From a call's beginning to its end, where it can be suspended. */
  readonly maxTurnTimeMs: number;
  readonly weight: number;
  /** Files that all stores of a runtime have open together. */
  readonly openFiles: Quota;
  /** What its memory may grow to. No value that it holds once is larger, so no lift copies more out of it. */
  readonly maxMemoryBytes: number;
  readonly openStorage: () => KeyValueNamespace;
  /** Turns for the resources that it gives to the embedder. */
  readonly resourceCalls: ResourceCalls;
  readonly log: (record: LogRecord) => void;
  readonly toSources: PlaceMapper | undefined;
}

/**
 * One instance of a component with everything that is its own: core instances, memories, tables, resource handles and
 * budget. Nothing is shared between two stores but compiled code and the host's functions. After a trap, an exhausted
 * budget or an exit a store is dead and is never entered again.
 */
export class Store implements HostState, LiftBounds {
  readonly #tank: Tank;
  readonly #turn: Turn;
  /** Whether its guest may be suspended. */
  readonly #suspends: boolean;
  #messages: MessageCalls | undefined;
  #entry: object | undefined;
  #stopped: VivariumError | undefined;
  /** What the last call ended the store with. */
  #reason: VivariumError | undefined;
  #entered = false;
  #dead = false;
  /** Whether resources are to be dropped before anything else in the next call. */
  #drops = false;
  /** What embedders' functions are told of the call that runs, once one has asked. */
  #caller: TurnCaller | undefined;
  /** What is done when the call that runs has ended. */
  #afterTurn: (() => void)[] | undefined;
  /** What the guest has written to standard error in the call that runs. */
  #words: LastWords | undefined;
  #liftedBytes = 0;
  #lookAt = 0;
  #discarded = false;
  readonly mostBytes: number;
  #callEnded: PromiseWithResolvers<void> | undefined;
  /** The monotonic clock when the call began that may be suspended, and the timer for its end. */
  #startedAt = 0;
  #stopTimer: (() => void) | undefined;
  #waitedMs = 0;
  readonly handle: ComponentHandle;
  readonly authority: ComponentAuthority;
  readonly environment: Environment;
  readonly args: readonly string[];
  readonly hostMemory: Quota;
  readonly #parts: StoreParts;
  #exports: ComponentExports | undefined;
  #lifecycle: Lifecycle | undefined;
  #storage: KeyValueNamespace | undefined;
  #files: FileGuard | undefined;
  #ending: AbortController | undefined;
  #given: GivenResources | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#tank = parts.tank;
    this.mostBytes = mostLifted(parts.maxMemoryBytes);
    this.#turn = new Turn(this, parts.tank, parts.preemptive, parts.weight);
    this.#suspends = parts.code.suspends;
    this.#turn.suspended = () => this.#suspended();
    this.handle = parts.handle;
    this.authority = parts.authority;
    this.environment = parts.environment;
    this.args = parts.args;
    this.hostMemory = new Quota(Math.min(parts.maxMemoryBytes, MAX_HOST_BYTES));
  }

  get imports(): Readonly<Record<string, unknown>> {
    return this.#parts.imports;
  }

  /** Whether a call of it runs. */
  get entered(): boolean {
    return this.#entered;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Let go of: its tank holds nothing any more. */
  get discarded(): boolean {
    return this.#discarded;
  }

  /** The meter's clock when the last call ended. */
  get endedAt(): number {
    return this.#tank.endedAt;
  }

  get usage(): Tank['usage'] {
    return this.#tank.usage;
  }

  /** Makes the core instances; start functions run, on this budget. @throws `RUNTIME_INSTANTIATION_FAILED`, `METERING_…` */
  instantiate(budget: CallBudget): void {
    try {
      this.call(budget, instantiate, this.#parts);
    } catch (error) {
      throw whileStarting('the component cannot be instantiated', error);
    }
  }

  /**
   * One call into the guest, on its own budget.
   * @param run what to call, given the store and `argument`: the same function for many calls
   * @param now the meter's clock, where the caller has just read it
   * @throws {ComponentError} when the guest answered an error; the store lives on
   * @throws `RUNTIME_…` or `METERING_…` for everything else; the store is dead
   */
  call<A, T>(budget: CallBudget, run: (store: Store, argument: A) => T, argument: A, now?: number): T {
    if (this.#entered) throw entered();
    if (this.#dead) throw gone();
    const tank = this.#tank;
    const turn = this.#turn;
    execution.enter(turn);
    this.#entered = true;
    this.#words = undefined;
    this.#liftedBytes = 0;
    this.#lookAt = 0;
    let value: T;
    try {
      tank.begin(budget, now);
      if (this.#suspends) turn.began = now ?? this.#parts.clock.monotonic();
      if (this.#drops) this.#runDrops();
      value = run(this, argument);
      if (!(value instanceof Promise)) {
        tank.end();
        if (this.#stopped !== undefined) throw this.#stopped;
      }
    } catch (thrown) {
      const error = this.#ended(thrown);
      this.#leave();
      throw error;
    }
    if (value instanceof Promise) return this.#later(value) as T;
    this.#leave();
    return value;
  }

  /** The rest of a call that was suspended. The thread is free whenever its guest is. */
  async #later<T>(value: Promise<T>): Promise<T> {
    const turn = this.#turn;
    // A guest that trapped at once has not been suspended, and only its promise tells.
    if (execution.isRunning(turn)) execution.park(turn);
    try {
      let answer: T;
      try {
        answer = await value;
      } finally {
        execution.reclaim(turn);
      }
      this.#tank.end();
      if (this.#stopped !== undefined) throw this.#stopped;
      return answer;
    } catch (thrown) {
      throw this.#ended(thrown);
    } finally {
      this.#waitedMs += turn.waitedMs;
      turn.waitedMs = 0;
      turn.depth = 0;
      this.#stopTimer?.();
      this.#stopTimer = undefined;
      this.#leave();
    }
  }

  #leave(): void {
    this.#entered = false;
    this.#turn.suspendable = false;
    execution.leave(this.#turn);
    if (this.#caller !== undefined) this.#endCaller();
    if (this.#afterTurn !== undefined) this.#runAfterTurn(this.#afterTurn);
    if (this.#callEnded !== undefined) this.#callEnded.resolve();
  }

  get caller(): TurnCaller {
    if (this.#caller === undefined) {
      const { clock, maxTurnTimeMs } = this.#parts;
      // A call that cannot be suspended waits for nothing, so its own time is all that it has used up.
      const began = this.#stopTimer === undefined ? this.#turn.began : this.#startedAt;
      const used = this.#suspends ? clock.monotonic() - began : this.usage.callMs;
      this.#caller = new TurnCaller(this.handle, clock.now() + maxTurnTimeMs - used);
    }
    return this.#caller;
  }

  #endCaller(): void {
    const caller = this.#caller;
    this.#caller = undefined;
    if (this.#dead) caller?.abort(this.#reason ?? gone());
  }

  /** Resources of its component that the embedder holds; undefined for a component that has none. */
  get given(): GivenResources | undefined {
    return this.#given;
  }

  /** Whether a resource waits for being dropped in the next call. */
  get hasDrops(): boolean {
    return this.#drops;
  }

  /** Makes its table of what the embedder holds; the code that instantiates asks for it. */
  hold(destroy: (type: ResourceType, representation: unknown) => void): GivenResources {
    const { handle, resourceCalls } = this.#parts;
    const parts = { handle, calls: resourceCalls, hostMemory: this.hostMemory };
    this.#given = new GivenResources(
      parts,
      () => {
        this.#drops = true;
      },
      destroy,
    );
    return this.#given;
  }

  #runDrops(): void {
    this.#drops = false;
    this.#given?.runDrops();
  }

  /** The call has been suspended: from now on a timer must see to its end, which so far its own code did. */
  #suspended(): void {
    if (this.#stopTimer !== undefined) return;
    const { clock, maxTurnTimeMs } = this.#parts;
    this.#startedAt = this.#turn.began;
    const left = Math.max(0, maxTurnTimeMs - (clock.monotonic() - this.#startedAt));
    this.#stopTimer = clock.after(left, () => {
      const message = `the turn took longer than its ${maxTurnTimeMs} ms, what it waited included`;
      void this.end(new RuntimeError('RUNTIME_TURN_TIMEOUT', message, { details: { limitMs: maxTurnTimeMs } }));
    });
  }

  /** Milliseconds that its calls have waited for the host. */
  get waitedMs(): number {
    return this.#waitedMs + this.#turn.waitedMs;
  }

  /** Why the call that runs is suspended; undefined where none is. */
  get suspension(): Suspension | undefined {
    return this.#entered ? this.#turn.suspension : undefined;
  }

  /**
   * Ends the call that is suspended, if one is, and with it the store: its guest traps where it stands and cannot catch that.
   * Resolves when the call has ended.
   */
  async end(reason: VivariumError): Promise<void> {
    if (!this.#entered) return;
    this.#stopped ??= reason;
    // Several may end it at a time, as an unload and a time-out do: all wait for the one end.
    this.#callEnded ??= Promise.withResolvers<void>();
    this.#turn.end(reason);
    await this.#callEnded.promise;
  }

  /** What the component exports; calling any of it needs a turn. @throws `RUNTIME_WRONG_STATE` for a dead store */
  get exports(): ComponentExports {
    if (this.#exports !== undefined && !this.#dead) return this.#exports;
    throw gone();
  }

  /** A message for the guest; for `run` of a call alone. */
  handleMessage(message: OutgoingMessage): CoreTurn<Uint8Array | undefined> {
    if (this.#entry === undefined || this.#messages === undefined) throw gone();
    return this.#messages.handleMessage(this.#entry, message);
  }

  handleCallback(message: OutgoingMessage): CoreTurn<void> {
    if (this.#entry === undefined || this.#messages === undefined) throw gone();
    return this.#messages.handleCallback(this.#entry, message);
  }

  /** The contract's exports, where the component has them; for `run` of a call alone. */
  get lifecycle(): Lifecycle {
    if (this.#lifecycle !== undefined) return this.#lifecycle;
    throw gone();
  }

  /** What `instantiate` made. */
  fill(exports: ComponentExports): void {
    const { lifecycle, messages } = this.#parts.code;
    this.#exports = exports;
    if (lifecycle === undefined) return;
    this.#lifecycle = exports[lifecycle] as Lifecycle;
    this.#messages = messages;
    this.#entry = messages?.entryOf(this.#lifecycle);
  }

  storage(): KeyValueNamespace {
    this.#storage ??= this.#parts.openStorage();
    return this.#storage;
  }

  get preopens(): readonly Preopen[] {
    return this.#parts.preopens;
  }

  get network(): ComponentNetwork {
    return this.#parts.network;
  }

  get stdio(): Stdio {
    return this.#parts.stdio;
  }

  afterTurn(task: () => void): void {
    this.#afterTurn ??= [];
    this.#afterTurn.push(task);
  }

  #runAfterTurn(tasks: readonly (() => void)[]): void {
    this.#afterTurn = undefined;
    for (const task of tasks) task();
  }

  files(): FileGuard {
    // What is opened after the end would never be closed.
    if (this.#discarded) throw gone();
    const { openFiles } = this.#parts;
    this.#files ??= new FileGuard({ authority: this.authority, preopens: this.preopens, openFiles });
    return this.#files;
  }

  get ending(): AbortSignal {
    if (this.#discarded) return AbortSignal.abort();
    this.#ending ??= new AbortController();
    return this.#ending.signal;
  }

  log(channel: LogRecord['channel'], message: string, context: LogRecord['context']): void {
    const { log, toSources } = this.#parts;
    if (channel === 'stderr') {
      this.#words ??= new LastWords();
      this.#words.add(message);
    }
    log({ handle: this.handle, channel, message: toSources === undefined ? message : toSources(message), context });
  }

  lift(bytes: number): void {
    this.#liftedBytes += bytes;
    if (this.#liftedBytes <= this.#lookAt) return;
    if (this.#liftedBytes > this.mostBytes) {
      const message = `one value of the component has more than ${this.mostBytes} bytes, and it may have no more than its whole memory`;
      this.stop(new RuntimeError('RUNTIME_TRAP', message));
    }
    this.#lookAt = Math.min(this.#liftedBytes + BYTES_PER_LOOK, this.mostBytes);
    this.look();
  }

  lifted(): void {
    this.#liftedBytes = 0;
    this.#lookAt = 0;
  }

  look(): void {
    const over = this.#tank.overdue();
    if (over !== undefined) this.stop(over);
  }

  stop(reason: VivariumError): never {
    this.#stopped ??= reason;
    this.#tank.stop(reason);
    throw reason;
  }

  /** Ends the store for what a host function of the glue threw into the guest, which could catch it. */
  trap(thrown: unknown): never {
    return this.stop(this.#classify(thrown));
  }

  /** Lets go of everything; safe to call twice. */
  discard(): void {
    this.#dead = true;
    this.#discarded = true;
    this.#exports = undefined;
    this.#ending?.abort();
    this.#files?.close();
    this.#given?.end();
    this.#lifecycle = undefined;
    this.#entry = undefined;
    this.#tank.dispose();
  }

  /** What a call ended with: the guest's own error, after which the store lives on, or the store's end. */
  #ended(thrown: unknown): VivariumError {
    const refused = thrown instanceof ArgumentRefused;
    if (refused || !isTrap(thrown)) {
      try {
        this.#tank.end();
        if (this.#stopped === undefined) return refused ? thrown : this.#answered(thrown);
      } catch (spent) {
        return this.#died(spent);
      }
    }
    return this.#died(thrown);
  }

  #answered(thrown: unknown): ComponentError {
    const { payload, stack } = withoutStack(thrown, this.#parts.toSources);
    return new ComponentError(describe(payload), payload, stack);
  }

  #died(thrown: unknown): VivariumError {
    this.#dead = true;
    this.#reason = this.#classify(thrown);
    return this.#reason;
  }

  #classify(thrown: unknown): VivariumError {
    if (this.#stopped !== undefined) return this.#stopped;
    const exhausted = this.#tank.failure(thrown);
    if (exhausted !== undefined) return exhausted;
    if (isVivariumError(thrown)) return thrown;
    const { refusedGrowths } = this.usage;
    const hint = refusedGrowths === 0 ? '' : `; it was refused more memory ${refusedGrowths} times`;
    const { why, stack } = this.#words?.of(this.#parts.toSources) ?? {};
    const said = why === undefined ? '' : `; ${why}`;
    const details = stack === undefined ? {} : { guestStack: stack };
    const message = `the component trapped: ${messageOf(thrown)}${said}${hint}`;
    return new RuntimeError('RUNTIME_TRAP', message, { cause: thrown, details });
  }
}

/** What a trap or an error of the guest's is called while it is started; budgets and exits keep their own codes. */
export function whileStarting(what: string, error: unknown): unknown {
  if (!(error instanceof RuntimeError) || (error.code !== 'RUNTIME_TRAP' && error.code !== 'RUNTIME_COMPONENT_ERROR')) {
    return error;
  }
  return new RuntimeError('RUNTIME_INSTANTIATION_FAILED', `${what}: ${error.message}`, {
    cause: error,
    details: error.details,
  });
}

/** Makes the core instances, of which the guest's start functions run. */
function instantiate(store: Store, { code, imports, tank }: StoreParts): void {
  const guard = code.calls === 'glue' ? new TrapGuard(store) : undefined;
  const exports = code.instantiate(
    (name) => code.modules.get(name) as WebAssembly.Module,
    imports,
    (module, coreImports = {}) => {
      const given = guard === undefined ? coreImports : guard.guarded(module, coreImports);
      const linked = tank.link(module, { ...given, [ATTACHED]: theExchange().imports });
      guard?.own(linked);
      return { exports: linked };
    },
    (reason) => store.stop(reason),
    { charge: (bytes) => store.hostMemory.take(bytes), hold: (destroy) => store.hold(destroy) },
    store,
  );
  store.fill(exports);
}

function entered(): RuntimeError {
  return new RuntimeError('RUNTIME_TRAP', 'the component was entered while a call of it was running');
}

function gone(): RuntimeError {
  return new RuntimeError('RUNTIME_WRONG_STATE', 'the store was discarded');
}

/** The glue throws the error case of a `result` as the plain value that it is; only traps are errors. */
function isTrap(thrown: unknown): boolean {
  return thrown instanceof Error || thrown instanceof WebAssembly.Exception;
}

function describe(payload: unknown): string {
  return `the component answered an error: ${shownData(payload, 1_000)}`;
}

import type { ComponentHandle } from '#core';
import { isVivariumError, messageOf, type VivariumError } from '#core/errors';
import { type KeepingCall, Quota } from '#core/limits';
import type { OutgoingMessage } from '#core/messages';
import type { Clock } from '#core/ports/clock';
import type { ComponentUsage, MessageTurn } from '#core/ports/engine';
import type { HostContext } from '#core/ports/host-context';
import { type Account, ATTACHED, type CallBudget, type Tank } from '#core/ports/meter';
import type { ServedRequest } from '#core/ports/serving';
import type { KeyValueNamespace } from '#core/ports/storage';
import type { OpenSpan } from '#core/ports/tracing';
import { shownData } from '#core/text';
import { Later, type LaterListener } from '#core/waiting';
import type { ComponentCode, ComponentExports, Lifecycle, MessageCalls } from '#runtime/code';
import { theExchange } from '#runtime/exchange';
import { execution, type Suspension, Turn, type TurnScheduler } from '#runtime/execution';
import type { HostState, LogRecord } from '#runtime/host';
import { TurnCaller } from '#runtime/host';
import { GivenResources, type ResourceCalls, type ResourceHolder, type ResourceType } from '#runtime/resources';
import { FileGuard } from '#security/access';
import { ArgumentRefused, ComponentError, RuntimeError } from '../errors.ts';
import { BYTES_PER_LOOK, type LiftBounds, mostLifted } from '../heap-cost.ts';
import { LastWords, type PlaceMapper, withoutStack } from './guest-words.ts';
import type { Renewing } from './renewing.ts';
import { type EndCall, overdue, SharedTurn } from './shared-turn.ts';
import { TrapGuard } from './trap-guard.ts';

/** The host keeps at most this many bytes for one store, or the store's own memory limit if that is smaller. */
const MAX_HOST_BYTES = 16 * 2 ** 20;

/** What the constructor of a store takes. */
export interface StoreParts {
  readonly handle: ComponentHandle;
  readonly code: ComponentCode;
  readonly imports: Readonly<Record<string, unknown>>;
  readonly context: HostContext;
  readonly tank: Tank;
  /** Takes the core instances once the store has ended; undefined where they end with it. */
  readonly renewing: Pick<Renewing, 'ended'> | undefined;
  /** Called when a function of the host's is called while the store is instantiated, if somebody wants to know. */
  readonly hostCalled: (() => void) | undefined;
  readonly scheduler: TurnScheduler;
  /** Whether the store's turns give the thread to others after a slice; `weight` is their share of it. */
  readonly preemptive: boolean;
  readonly clock: Clock;
  /** Milliseconds from a call's beginning to its end, waiting included, if the call can be suspended. */
  readonly maxTurnTimeMs: number;
  /** How many calls it serves side by side; 1 for one at a time. */
  readonly concurrency: number;
  /** Milliseconds that a call which was told to end has for that, while others run beside it. */
  readonly graceMs: number;
  readonly weight: number;
  /** The quota of open files, shared by all stores of a runtime. */
  readonly openFiles: Quota;
  /** The size that the store's memory may grow to. It also bounds a lift, because no value in that memory is larger. */
  readonly maxMemoryBytes: number;
  readonly openStorage: () => KeyValueNamespace;
  /** Runs turns for the resources that the guest has given to the embedder. */
  readonly resourceCalls: ResourceCalls;
  readonly log: (record: LogRecord) => void;
  readonly toSources: PlaceMapper | undefined;
}

/**
 * One instance of a component with everything that is its own: core instances, memories, tables, resource handles and
 * budget. Two stores share only compiled code and the host's functions. After a trap, an exhausted budget or an exit, a store is
 * dead and is never entered again.
 */
export class Store implements HostState, ResourceHolder, LiftBounds, LaterListener {
  readonly #tank: Tank;
  readonly #turn: Turn;
  /** Whether the guest may be suspended. */
  readonly #suspends: boolean;
  #messages: MessageCalls | undefined;
  #entry: object | undefined;
  #stopped: VivariumError | undefined;
  /** The error by which the last call ended the store. */
  #reason: VivariumError | undefined;
  #entered = false;
  /** How many calls have begun that had the store for themselves. It is the number of the one that runs, or ran last. */
  #calls = 0;
  #dead = false;
  /** Whether the next call must first drop resources. */
  #drops = false;
  /** What an embedder's function is told of the call that runs; made when one first asks. */
  #caller: TurnCaller | undefined;
  #served: ServedRequest | undefined;
  /** Tasks to run once the call that runs has ended. */
  #afterTurn: (() => void)[] | undefined;
  /** The last lines that the guest has written to standard error in the call that runs. */
  #words: LastWords | undefined;
  #liftedBytes = 0;
  #lookAt = 0;
  #discarded = false;
  readonly mostBytes: number;
  #callEnded: PromiseWithResolvers<void> | undefined;
  /** The answer of the call that was suspended, for whoever made the call. */
  #answer: Later<unknown> | undefined;
  /** Whether the call has been suspended, so that only a timer can end it in time; `#startedAt` is when it began, by the monotonic clock. */
  #wasSuspended = false;
  #startedAt = 0;
  /** Stops the timer. It is armed for the first call that is suspended and left to run, because one for each call would cost as much as the rest of a suspension. */
  #stopTimer: (() => void) | undefined;
  #waitedMs = 0;
  readonly handle: ComponentHandle;
  readonly context: HostContext;
  readonly hostMemory: Quota;
  readonly #parts: StoreParts;
  #exports: ComponentExports | undefined;
  #lifecycle: Lifecycle | undefined;
  #storage: KeyValueNamespace | undefined;
  #files: FileGuard | undefined;
  #ending: AbortController | undefined;
  #given: GivenResources | undefined;
  readonly #shared: SharedTurn | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#tank = parts.tank;
    this.mostBytes = mostLifted(parts.maxMemoryBytes);
    this.#turn = new Turn(this, parts.tank, parts.preemptive, parts.weight);
    this.#suspends = parts.code.suspends;
    const suspended = (): void => this.#suspended();
    this.#turn.suspended = suspended;
    this.#turn.isHeld = holdsExchange;
    this.handle = parts.handle;
    this.context = parts.context;
    this.hostMemory = new Quota(Math.min(parts.maxMemoryBytes, MAX_HOST_BYTES));
    if (parts.concurrency > 1) this.#shared = this.#share(parts);
  }

  #share({ handle, tank, clock, concurrency, maxTurnTimeMs, graceMs }: StoreParts): SharedTurn {
    const store = this;
    const owner = {
      get hasDrops() {
        return store.#drops;
      },
      begin: (budget: CallBudget, now: number | undefined) => store.#begin(budget, now),
      runDrops: () => store.#runDrops(),
      settle: () => store.#settle(),
      ended: (thrown: unknown) => store.#ended(thrown),
      answered: (thrown: unknown) => store.#answered(thrown),
      end: (reason: VivariumError) => void store.end(reason),
      leave: () => store.#leaveLater(),
    };
    return new SharedTurn({
      handle,
      turn: this.#turn,
      tank,
      clock,
      most: concurrency,
      maxTurnTimeMs,
      graceMs,
      owner,
    });
  }

  /** The owner of its calls, where it may serve several side by side. */
  get sideBySide(): SharedTurn | undefined {
    return this.#shared;
  }

  /** What ends the call that begins now. Only the `run` of a call may use this. */
  get endOfCall(): EndCall {
    if (this.#shared !== undefined) return this.#shared.endOfBeginning;
    const call = this.#calls;
    // Whoever keeps this may use it after the call, when another one runs.
    return (reason) => (call === this.#calls ? this.end(reason) : undefined);
  }

  get currentCall(): KeepingCall | undefined {
    return this.#shared?.beginning ?? this.#shared?.charged;
  }

  /** The bytes that the host keeps for the store and not for calls under way: what calls that have ended did not drop. */
  get leftBytes(): number {
    return this.hostMemory.taken - (this.#shared?.keptBytes ?? 0);
  }

  #begin(budget: CallBudget, now: number | undefined): void {
    const tank = this.#tank;
    const turn = this.#turn;
    execution.enter(turn);
    this.#entered = true;
    this.#words = undefined;
    this.#liftedBytes = 0;
    this.#lookAt = 0;
    try {
      tank.begin(budget, now);
    } catch (thrown) {
      const error = this.#ended(thrown);
      this.#leave();
      throw error;
    }
    turn.began = now ?? this.#parts.clock.monotonic();
  }

  #settle(): void {
    this.#tank.end();
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  get imports(): Readonly<Record<string, unknown>> {
    return this.#parts.imports;
  }

  /** Whether a call into the store runs or is suspended. */
  get entered(): boolean {
    return this.#entered;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Whether `discard` has been called: the tank holds nothing any more. */
  get discarded(): boolean {
    return this.#discarded;
  }

  /** The reading of the meter's clock at the end of the last call. */
  get endedAt(): number {
    return this.#tank.endedAt;
  }

  get usage(): Tank['usage'] {
    return this.#tank.usage;
  }

  protected fuelOf(call: Pick<Account, 'given' | 'left'>): bigint {
    return this.#tank.fuelOf(call);
  }

  /** What the call has used that runs or, between calls, ran last; where calls run side by side, the one that ended last. */
  get last(): ComponentUsage['last'] {
    const ended = this.#shared?.last;
    if (ended !== undefined) return { fuelConsumed: this.fuelOf(ended), executionTimeMs: ended.microseconds / 1_000 };
    const { callFuel, callMs } = this.usage;
    return { fuelConsumed: callFuel, executionTimeMs: callMs };
  }

  /** Makes the core instances. The guest's start functions run on this budget. @throws `RUNTIME_INSTANTIATION_FAILED`, `METERING_…` */
  instantiate(budget: CallBudget): void {
    try {
      this.call(budget, instantiate, this.#parts);
    } catch (error) {
      throw whileStarting('the component cannot be instantiated', error);
    }
  }

  /**
   * Makes one call into the guest, on the call's own budget.
   * @param run calls the guest; it takes the store and `argument`, so that one function serves many calls
   * @param now the meter's clock, if the caller has just read it
   * @returns what `run` returns, or a `Later` of it where the guest was suspended
   * @throws {ComponentError} if the guest returned an error; the store lives on
   * @throws `RUNTIME_…` or `METERING_…` for everything else; the store is dead
   */
  call<A, T>(
    budget: CallBudget,
    run: (store: Store, argument: A) => MessageTurn<T>,
    argument: A,
    now?: number,
  ): MessageTurn<T> {
    if (this.#shared !== undefined && this.#exports !== undefined) {
      if (this.#dead) throw gone();
      return this.#shared.call(budget, () => run(this, argument), now);
    }
    if (this.#entered) throw entered();
    if (this.#dead) throw gone();
    const tank = this.#tank;
    const turn = this.#turn;
    execution.enter(turn);
    this.#entered = true;
    this.#calls += 1;
    this.#words = undefined;
    this.#liftedBytes = 0;
    this.#lookAt = 0;
    let value: MessageTurn<T>;
    try {
      tank.begin(budget, now);
      if (this.#suspends) turn.began = now ?? this.#parts.clock.monotonic();
      if (this.#drops) this.#runDrops();
      value = run(this, argument);
      if (!isLater(value)) {
        tank.end();
        if (this.#stopped !== undefined) throw this.#stopped;
      }
    } catch (thrown) {
      const error = this.#ended(thrown);
      this.#leave();
      throw error;
    }
    if (isLater(value)) return this.#later(value);
    this.#leave();
    return value;
  }

  /** Waits for the rest of a call that was suspended. Other turns have the thread while its guest is suspended. */
  #later<T>(value: Promise<T> | Later<T>): Later<T> {
    const turn = this.#turn;
    // A guest that trapped at once was never suspended, and so never parked; only its promise reports the trap.
    if (execution.isRunning(turn)) execution.park(turn);
    const answer = new Later<T>();
    this.#answer = answer as Later<unknown>;
    if (value instanceof Later) value.listen(this);
    else
      value.then(
        (answered) => this.laterAnswered(answered),
        (thrown) => this.laterFailed(thrown),
      );
    return answer;
  }

  /** Ends a call that was suspended, with the guest's answer. */
  laterAnswered(value: unknown): void {
    execution.reclaim(this.#turn);
    let error: VivariumError | undefined;
    try {
      this.#tank.end();
      if (this.#stopped !== undefined) throw this.#stopped;
    } catch (thrown) {
      error = this.#ended(thrown);
    }
    this.#answerLater(value, error);
  }

  /** Ends a call that was suspended, with what the guest threw. */
  laterFailed(thrown: unknown): void {
    execution.reclaim(this.#turn);
    this.#answerLater(undefined, this.#ended(thrown));
  }

  #answerLater(value: unknown, error: VivariumError | undefined): void {
    const answer = this.#answer as Later<unknown>;
    this.#answer = undefined;
    this.#leaveLater();
    if (error === undefined) answer.answer(value);
    else answer.fail(error);
  }

  #leaveLater(): void {
    const turn = this.#turn;
    this.#waitedMs += turn.waitedMs;
    turn.waitedMs = 0;
    turn.depth = 0;
    this.#wasSuspended = false;
    this.#leave();
  }

  #leave(): void {
    this.#entered = false;
    this.#turn.suspendable = false;
    execution.leave(this.#turn);
    if (this.#caller !== undefined) this.#endCaller();
    this.#served = undefined;
    if (this.#afterTurn !== undefined) this.#runAfterTurn(this.#afterTurn);
    if (this.#callEnded !== undefined) this.#callEnded.resolve();
  }

  get span(): OpenSpan | undefined {
    return undefined;
  }

  get served(): ServedRequest | undefined {
    return this.#shared === undefined ? this.#served : this.#shared.charged?.notes?.served;
  }

  get mayWait(): boolean {
    return this.#turn.mayWait;
  }

  get caller(): TurnCaller {
    if (this.#shared !== undefined && this.#exports !== undefined) return this.#shared.caller;
    if (this.#caller === undefined) {
      const { clock, maxTurnTimeMs } = this.#parts;
      // A call that cannot be suspended never waits, so its running time is all the time that it has used.
      const began = this.#wasSuspended ? this.#startedAt : this.#turn.began;
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

  /** The resources of this store that the embedder holds; undefined if the component exports no resources. */
  get given(): GivenResources | undefined {
    return this.#given;
  }

  /** Whether the next call must first drop resources. */
  get hasDrops(): boolean {
    return this.#drops;
  }

  /** Makes the table of resources that the embedder holds. The code that instantiates the component calls this. */
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

  /** The call has been suspended, so its own code no longer checks its time: from now on a timer ends it. */
  #suspended(): void {
    if (this.#wasSuspended || this.#shared !== undefined) return;
    this.#wasSuspended = true;
    this.#startedAt = this.#turn.began;
    if (this.#stopTimer === undefined) this.#watchTime();
  }

  /** Ends the suspended call when its time is over. The timer may have been armed for an earlier call, whose time was over earlier. */
  #watchTime(): void {
    const { clock, maxTurnTimeMs } = this.#parts;
    const left = maxTurnTimeMs - (clock.monotonic() - this.#startedAt);
    this.#stopTimer = clock.after(Math.max(0, left), () => {
      this.#stopTimer = undefined;
      if (!this.#wasSuspended) return;
      if (clock.monotonic() - this.#startedAt < maxTurnTimeMs) {
        this.#watchTime();
        return;
      }
      void this.end(overdue(maxTurnTimeMs));
    });
  }

  /** Milliseconds that calls of this store have waited for the host. */
  get waitedMs(): number {
    return this.#waitedMs + this.#turn.waitedMs;
  }

  /** Why the current call is suspended; undefined if none is. */
  get suspension(): Suspension | undefined {
    return this.#entered ? this.#turn.suspension : undefined;
  }

  /**
   * Ends the suspended call, if there is one, and with it the store: the guest traps where it is suspended and cannot catch the trap.
   * Resolves when the call has ended.
   */
  async end(reason: VivariumError): Promise<void> {
    if (!this.#entered) return;
    this.#shared?.endAll();
    this.#stopped ??= reason;
    // Several callers may end the call at once, for example an unload and a time-out. All of them wait for the same end.
    this.#callEnded ??= Promise.withResolvers<void>();
    this.#turn.end(reason);
    await this.#callEnded.promise;
  }

  /** The component's exports. Calling any of them needs a turn. @throws `RUNTIME_WRONG_STATE` for a dead store */
  get exports(): ComponentExports {
    if (this.#exports !== undefined && !this.#dead) return this.#exports;
    throw gone();
  }

  /**
   * Names who is told the answer of the function that is called next, which may be before its turn ends. The turn lasts until the promise
   * that it returns is settled.
   */
  tellAnswer(told: (answer: unknown) => Promise<unknown> | undefined): void {
    const next = this.#shared?.beginning === undefined ? this.#turn : this.#shared;
    next.told = told;
  }

  /** Names the span of the HTTP request that the next call answers. */
  answersBelow(_: OpenSpan | undefined): void {}

  /** Notes the HTTP request that the call answers which begins now. Only the `run` of a call may use this. */
  serves(request: ServedRequest): void {
    if (this.#shared?.beginning === undefined) this.#served = request;
    else this.#shared.beginning.noting().served = request;
  }

  /** Hands a message to the guest. Only the `run` of a call may use this. */
  handleMessage(message: OutgoingMessage): MessageTurn<Uint8Array | undefined> {
    if (this.#entry === undefined || this.#messages === undefined) throw gone();
    return this.#messages.handleMessage(this.#entry, message);
  }

  handleCallback(message: OutgoingMessage): MessageTurn<void> {
    if (this.#entry === undefined || this.#messages === undefined) throw gone();
    return this.#messages.handleCallback(this.#entry, message);
  }

  /** The exports of `vivarium:actor/lifecycle`. Only the `run` of a call may use them. @throws `RUNTIME_WRONG_STATE` if there are none */
  get lifecycle(): Lifecycle {
    if (this.#lifecycle !== undefined) return this.#lifecycle;
    throw gone();
  }

  /** Takes the exports that `instantiate` made. */
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

  afterTurn(task: () => void): void {
    this.#afterTurn ??= [];
    this.#afterTurn.push(task);
  }

  #runAfterTurn(tasks: readonly (() => void)[]): void {
    this.#afterTurn = undefined;
    for (const task of tasks) task();
  }

  files(): FileGuard {
    // A file that is opened after the store's end would never be closed.
    if (this.#discarded) throw gone();
    const { openFiles } = this.#parts;
    const { authority, preopens } = this.context;
    this.#files ??= new FileGuard({ authority, preopens, openFiles, checkTime: () => this.look() });
    return this.#files;
  }

  get ending(): AbortSignal {
    if (this.#discarded) return AbortSignal.abort();
    this.#ending ??= new AbortController();
    return this.#ending.signal;
  }

  log(channel: LogRecord['channel'], message: string, context: LogRecord['context']): void {
    const { log, toSources } = this.#parts;
    if (channel === 'stderr') this.#hear(message);
    log({ handle: this.handle, channel, message: toSources === undefined ? message : toSources(message), context });
  }

  hear(line: string): void {
    if (LastWords.tellsThrown(line)) this.#hear(line);
  }

  /** Keeps a line for the call that has written it. */
  #hear(line: string): void {
    const call = this.#shared?.charged;
    if (call === undefined) {
      this.#words ??= new LastWords();
      this.#words.add(line);
    } else {
      const notes = call.noting();
      notes.words ??= new LastWords();
      notes.words.add(line);
    }
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

  /** Ends the store because a host function of the glue threw into the guest, which could otherwise catch the exception. */
  trap(thrown: unknown): never {
    return this.stop(this.#classify(thrown));
  }

  /** Releases everything that the store holds. Safe to call twice. */
  discard(): void {
    const hasEndedWell = !this.#dead && !this.#entered && this.#stopped === undefined;
    this.#dead = true;
    this.#discarded = true;
    this.#exports = undefined;
    this.#stopTimer?.();
    this.#ending?.abort();
    this.#files?.close();
    this.#given?.end();
    this.#lifecycle = undefined;
    this.#entry = undefined;
    if (hasEndedWell) this.#parts.renewing?.ended(this.#tank);
    this.#tank.dispose();
    this.#turn.discarded?.(this.#reason ?? gone());
  }

  /** Turns what a call threw into a typed error: the guest's own error, after which the store lives on, or the store's end. */
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
    const words = this.#shared?.charged === undefined ? this.#words : this.#shared.charged.notes?.words;
    const { why, stack } = words?.of(this.#parts.toSources) ?? {};
    const said = why === undefined ? '' : `; ${why}`;
    const details = stack === undefined ? {} : { guestStack: stack };
    const message = `the component trapped: ${messageOf(thrown)}${said}${hint}`;
    return new RuntimeError('RUNTIME_TRAP', message, { cause: thrown, details });
  }
}

/** Renames a trap or an error of a guest that is starting to `RUNTIME_INSTANTIATION_FAILED`; budgets and exits keep their codes. */
export function whileStarting(what: string, error: unknown): unknown {
  if (!(error instanceof RuntimeError) || (error.code !== 'RUNTIME_TRAP' && error.code !== 'RUNTIME_COMPONENT_ERROR')) {
    return error;
  }
  return new RuntimeError('RUNTIME_INSTANTIATION_FAILED', `${what}: ${error.message}`, {
    cause: error,
    details: error.details,
  });
}

function isLater<T>(value: MessageTurn<T>): value is Promise<T> | Later<T> {
  return value instanceof Later || value instanceof Promise;
}

/** Makes the core instances, which runs the guest's start functions. */
function instantiate(store: Store, { code, imports, tank, hostCalled }: StoreParts): void {
  const renewed = tank.relink();
  if (renewed !== undefined && code.reuse !== undefined) {
    store.fill(code.reuse(renewed, imports, store));
    return;
  }
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
    store,
    hostCalled,
  );
  store.fill(exports);
}

/** Whether an adapter's guest is allocating or cleaning up while the exchange holds its message, which another turn would overwrite. */
function holdsExchange(): boolean {
  return theExchange().locked;
}

function entered(): RuntimeError {
  return new RuntimeError('RUNTIME_TRAP', 'the component was entered while a call of it was running');
}

function gone(): RuntimeError {
  return new RuntimeError('RUNTIME_WRONG_STATE', 'the store was discarded');
}

/** Whether a thrown value is a trap: the glue throws the error case of a `result` as a plain value, so only traps are errors. */
function isTrap(thrown: unknown): boolean {
  return thrown instanceof Error || thrown instanceof WebAssembly.Exception;
}

function describe(payload: unknown): string {
  return `the component answered an error: ${shownData(payload, 1_000)}`;
}

import { type ComponentHandle, formatComponentId } from '#core';
import { isVivariumError, type VivariumError } from '#core/errors';
import type { EffectiveLimits } from '#core/limits';
import type { OutgoingMessage } from '#core/messages';
import type { Clock } from '#core/ports/clock';
import type { ComponentUsage, EndCall, EngineLoadRequest, MessageTurn, StorePolicy, Turn } from '#core/ports/engine';
import type { HostContext } from '#core/ports/host-context';
import type { CallBudget } from '#core/ports/meter';
import type { ServedRequest } from '#core/ports/serving';
import { Chain, type Linked } from '#core/queue';
import { printable } from '#core/text';
import { Later, type LaterListener } from '#core/waiting';
import type { ComponentCode, Lifecycle as LifecycleExports } from '#runtime/code';
import { findExport } from '#runtime/code';
import type { ExportedFunction } from '#runtime/exports';
import type { HttpHandling } from '#runtime/host';
import { RuntimeError } from '../errors.ts';
import type { Lifecycle, TurnActivity } from './lifecycle.ts';
import type { Renewing } from './renewing.ts';
import { Reuse } from './reuse.ts';
import type { Store } from './store.ts';

/** What a component's former stores have used in total, and what the last call in one of them used. */
interface Past {
  fuelConsumed: bigint;
  executionTimeMs: number;
  waitingMs: number;
  memoryBytes: number;
  refusedGrowths: number;
  last: ComponentUsage['last'];
}

/** Ends a turn and its store. It does nothing if the turn has already ended. */
export type EndTurn = (reason: VivariumError) => Promise<void>;

/** One call into a store. What it works on is passed as an argument, so that a turn need not create a closure. */
type Call<A, T> = (store: Store, argument: A) => MessageTurn<T>;

const handleMessage: Call<OutgoingMessage, Uint8Array | undefined> = (store, message) => store.handleMessage(message);
/** What a turn with an early answer works on: `answered` is told the reply when the guest has given it and its turn goes on. */
interface EarlyAnswer {
  readonly message: OutgoingMessage;
  readonly answered: (reply: Uint8Array | undefined) => void;
}
const handleEarly: Call<EarlyAnswer, Uint8Array | undefined> = (store, { message, answered }) => {
  store.tellAnswer(answered as (answer: unknown) => undefined);
  return store.handleMessage(message);
};
const handleCallback: Call<OutgoingMessage, void> = (store, message) => store.handleCallback(message);
const through = <T>(store: Store, call: (lifecycle: LifecycleExports) => Turn<T>): Turn<T> => call(store.lifecycle);
/** An exported function in a store, with its arguments. `began` is called before the guest runs. */
interface ExportCall {
  readonly callee: (...args: readonly unknown[]) => unknown;
  readonly args: readonly unknown[];
  readonly began: (() => void) | undefined;
}
const callExported: Call<ExportCall, unknown> = (_, { callee, args, began }) => {
  began?.();
  return callee(...args);
};
const runNothing = (): void => {};

/** A function that answers HTTP requests, and what it is given and answers. */
interface Served {
  readonly exported: ExportedFunction;
  readonly handling: HttpHandling;
}

/** A turn that answers an HTTP request. */
class ServedCall implements Linked<ServedCall> {
  before: ServedCall | undefined = undefined;
  behind: ServedCall | undefined = undefined;
  /** Ends it, once it has begun. */
  end: EndTurn | undefined = undefined;
}

/** What the engine makes for one component. */
export interface ComponentParts {
  readonly budget: CallBudget;
  readonly lifecycle: Lifecycle;
  readonly code: ComponentCode;
  readonly imports: Readonly<Record<string, unknown>>;
  /** Makes a store and initializes the guest in it. */
  readonly open: (component: LoadedComponent) => Turn<Store>;
  /** Whether callers read the same clock as the meter, so that caller and meter can share one reading. */
  readonly sharesClock: boolean;
  /** Tells how old instances that are reused are, and when they have been idle for too long. */
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
}

/**
 * A component that an engine holds: its code, what it was loaded with, what it has used so far, and its turns. Every request passes
 * through a message's turn, so everything that such a turn needs lies here or in the store.
 */
export class LoadedComponent implements LaterListener {
  // The fields that every message reads come first, because cache misses dominate the cost if a thousand components are called in turn.
  /** The actor's store; undefined under the policy `per-call`, and after a failure. */
  store: Store | undefined;
  readonly code: ComponentCode;
  /** What renews its instances; undefined where each call has to make its own. The store manager sets it. */
  renewing: Renewing | undefined;
  /** The budget of each call. */
  readonly budget: CallBudget;
  /** The budget of instantiation, and that of `initialize`. */
  readonly startBudget: CallBudget;
  readonly #sharesClock: boolean;
  readonly #reuse: Reuse;
  /** The function that answers requests; looked up for the first one. */
  #served: Served | undefined;
  /** The store that was called last, which may be suspended: the actor's, a call's own, or one that is starting. */
  #called: Store | undefined;
  /** The answer of the message's turn that is suspended. */
  #answer: Later<unknown> | undefined;
  readonly #noteFailure = (error: unknown): unknown => {
    this.#failed(error);
    return error;
  };
  /** The turns that answer HTTP requests, and who waits until none does. */
  readonly #serving = new Chain<ServedCall>();
  #whenServed: (() => void)[] = [];
  /** Why those of them end that have yet to begin, once their time is over. */
  #servedUntil: VivariumError | undefined;
  #messagesHandled = 0;
  /** What ends the turns of messages that may run beside others. */
  readonly #ends = new WeakMap<OutgoingMessage, Store['endOfCall']>();
  /** Whether another version has taken its place. */
  #isReplaced = false;
  /** Former instances that still answer the requests which they have begun. */
  readonly #retiring = new Set<Store>();
  /** Whether the instance was let go because it was idle, so that the next call makes another. */
  #isIdleEnded = false;
  readonly handle: ComponentHandle;
  readonly lifecycle: Lifecycle;
  readonly policy: StorePolicy;
  readonly preemptive: boolean;
  /** How many calls of exports may run side by side in its instance. */
  readonly concurrency: number;
  /** Whether the engine ends a turn once its caller no longer waits for it. */
  readonly #endsUnwanted: boolean;
  readonly imports: Readonly<Record<string, unknown>>;
  readonly limits: EffectiveLimits;
  readonly context: HostContext;
  readonly config: Uint8Array | undefined;
  readonly toSources: ((text: string) => string) | undefined;
  readonly #open: (component: LoadedComponent) => Turn<Store>;
  readonly #past: Past = {
    fuelConsumed: 0n,
    executionTimeMs: 0,
    waitingMs: 0,
    memoryBytes: 0,
    refusedGrowths: 0,
    last: { fuelConsumed: 0n, executionTimeMs: 0 },
  };

  constructor(request: EngineLoadRequest, parts: ComponentParts) {
    const { budget, lifecycle, code, imports, open, sharesClock, clock } = parts;
    this.handle = request.handle;
    this.lifecycle = lifecycle;
    this.store = undefined;
    this.budget = budget;
    this.startBudget = { fuel: budget.fuel, timeMs: request.limits.maxStartTimeMs };
    const servesOnly = code.handler !== undefined && code.lifecycle === undefined;
    const isShared = code.hasTasks && request.concurrency > 1;
    this.policy = request.store ?? (servesOnly && !isShared ? 'per-call' : 'per-actor');
    this.preemptive = request.scheduling === 'preemptive';
    this.#endsUnwanted = request.cancel === 'turn';
    this.concurrency = code.hasTasks && this.policy === 'per-actor' ? request.concurrency : 1;
    this.code = code;
    this.imports = imports;
    this.limits = request.limits;
    this.context = request.context;
    this.toSources = request.toSources;
    this.config = request.config;
    this.#open = open;
    this.#sharesClock = sharesClock;
    this.#reuse = new Reuse(request.reuse ?? {}, clock, () => this.#endIdle());
  }

  get activity(): TurnActivity {
    const { store } = this;
    if (store?.entered !== true) return 'idle';
    return store.suspension === 'waiting' ? 'waiting' : 'handling';
  }

  /** When the last turn ended, by the clock that caller and meter share; undefined if they do not share one. */
  get endedAt(): number | undefined {
    return this.#sharesClock && this.concurrency === 1 ? this.store?.endedAt : undefined;
  }

  /**
   * Runs a turn that handles a message, and returns the guest's reply.
   * @param now the caller's reading of the clock
   * @param answered told the reply when the guest has answered, which may be before its turn ends; not called for an error
   * @throws `RUNTIME_…`, `METERING_…`
   */
  callHandleMessage(
    _: ComponentHandle,
    message: OutgoingMessage,
    now?: number,
    answered?: (reply: Uint8Array | undefined) => void,
  ): MessageTurn<Uint8Array | undefined> {
    if (this.concurrency > 1) return this.#turn(this.#ending(message, handleMessage, answered), message, now);
    if (answered === undefined) return this.#turn(handleMessage, message, now);
    return this.#turn(handleEarly, { message, answered }, now);
  }

  /** Whether its guest may answer and go on: it has asynchronous parts. */
  get answersEarly(): boolean {
    return this.code.hasTasks;
  }

  /** Runs a turn that asks for the health of an actor. */
  callHealth(): MessageTurn<string | undefined> {
    const { lifecycle } = this.code;
    return lifecycle === undefined ? undefined : (this.callExport(`${lifecycle}#health`, []) as MessageTurn<string>);
  }

  /** A call that may run beside others, which can be ended alone. */
  #ending<T>(
    message: OutgoingMessage,
    call: Call<OutgoingMessage, T>,
    answered?: (reply: Uint8Array | undefined) => void,
  ): Call<OutgoingMessage, T> {
    return (store, given) => {
      this.#ends.set(message, store.endOfCall);
      if (answered !== undefined) store.tellAnswer(answered as (answer: unknown) => undefined);
      return call(store, given);
    };
  }

  callHandleCallback(_: ComponentHandle, message: OutgoingMessage, now?: number): MessageTurn<void> {
    if (this.concurrency > 1) return this.#turn(this.#ending(message, handleCallback), message, now);
    return this.#turn(handleCallback, message, now);
  }

  /** Runs a turn that calls one of the functions of `lifecycle`. */
  callLifecycle<T>(call: (lifecycle: LifecycleExports) => Turn<T>): Turn<T> {
    if (this.code.lifecycle === undefined) throw this.#takesNoMessages();
    this.#checkReady();
    return this.#inStore((store) => this.enterLifecycle(store, call));
  }

  /** Runs a turn that calls an export by its WIT name. A wrong name or argument is the caller's mistake and does not end the store. */
  callExport(name: string, args: readonly unknown[], began?: (end: EndCall) => void): MessageTurn<unknown> {
    this.#checkReady();
    const found = findExport(this.code, name, args);
    const call = (store: Store): MessageTurn<unknown> => {
      const given = {
        callee: found.in(store.exports),
        args: found.args,
        began: began && (() => began(this.#endOf(store))),
      };
      return this.#call(store, callExported, given);
    };
    return this.#inStore(call);
  }

  #endOf(store: Store): EndCall {
    const { endOfCall } = store;
    return (reason) => {
      if (this.#endsUnwanted) void endOfCall(reason);
      return this.#endsUnwanted;
    };
  }

  /**
   * Runs a turn that answers an HTTP request. With `per-call` it may begin while others run, because each has a store of its own.
   * @param handlingOf says of the exported handler what the exported function is given, and what its answer means
   * @param began receives, before the guest runs, the function that ends the turn; that function resolves when the turn has ended
   * @throws `RUNTIME_…`, `METERING_…`
   */
  serve(
    handlingOf: (handler: string) => HttpHandling | undefined,
    request: ServedRequest,
    began: (end: EndTurn) => void,
  ): Turn<unknown> {
    this.#checkReady();
    this.#served ??= this.#servedBy(handlingOf);
    const { exported, handling } = this.#served;
    if (this.policy === 'per-actor' && this.#needsFreshStore()) this.#renewStore();
    const call = new ServedCall();
    const noted = (given: EndTurn): void => {
      began(given);
      call.end = given;
      if (this.#servedUntil !== undefined) void given(this.#servedUntil);
    };
    const ended = (): void => this.#servedOne(call);
    this.#serving.add(call);
    let answer: Turn<unknown>;
    try {
      answer = this.#serve(exported, handling, request, noted);
    } catch (error) {
      ended();
      throw error;
    }
    // The first reaction to the promise comes before those of callers, and needs no promise around it.
    if (answer instanceof Promise) answer.then(ended, ended);
    else ended();
    return answer;
  }

  #servedOne(call: ServedCall): void {
    this.#serving.delete(call);
    if (this.#serving.size === 0) for (const resolve of this.#whenServed.splice(0)) resolve();
    this.#reuse.ended();
  }

  #servedBy(handlingOf: (handler: string) => HttpHandling | undefined): Served {
    const { handler } = this.code;
    const handling = handler === undefined ? undefined : handlingOf(handler);
    if (handling === undefined) throw this.#servesNothing();
    return { exported: this.code.exportIndex().find(`${handler}#handle`), handling };
  }

  #serve(
    exported: ExportedFunction,
    handling: HttpHandling,
    request: ServedRequest,
    began: (end: EndTurn) => void,
  ): Turn<unknown> {
    let end: Store['endOfCall'] | undefined;
    const call = (store: Store, handle: (...args: readonly unknown[]) => unknown): Turn<unknown> => {
      store.serves(request);
      end = store.endOfCall;
      // Beside others, the call ends alone, and the streams of its answer with it.
      store.sideBySide?.tellGivenUp((reason) => request.abandon(reason));
      if (handling.answered !== undefined) {
        store.tellAnswer((answer) => handling.answered?.(store, request, answer));
      }
      return handle(...handling.given(store, request));
    };
    return this.#inStore((store) => {
      const handle = this.code.functionOf(store.exports, exported);
      if (handle === undefined) throw this.#servesNothing();
      // Until the call has begun, the store only drops what was released before it.
      end = (reason) => store.end(reason);
      began(async (reason) => end?.(reason));
      store.answersBelow(request.span);
      try {
        return this.enter(store, call, handle);
      } catch (error) {
        end = undefined;
        throw error;
      }
    });
  }

  /** Whether a fresh instance must answer the request that begins now. What an actor keeps is its own, so it is never renewed. */
  #needsFreshStore(): boolean {
    if (this.code.lifecycle !== undefined) return false;
    const leaks = this.store !== undefined && leaksTooMuch(this.store);
    return this.#reuse.begins(leaks);
  }

  /**
   * Makes a fresh store in place of the present one, which first ends the calls that it has begun. Only the store of a component that is no
   * actor is renewed, so no guest code runs here besides the start of its modules.
   */
  #renewStore(): void {
    const { store, lifecycle } = this;
    this.#isIdleEnded = false;
    this.store = undefined;
    if (store?.entered === true) this.#retire(store);
    else if (store !== undefined) this.release(store);
    try {
      this.store = this.#open(this) as Store;
    } catch (error) {
      if (lifecycle.can('fail')) lifecycle.move('fail', reasonOf(error));
      throw error;
    }
  }

  #retire(store: Store): void {
    this.#retiring.add(store);
    store.afterTurn(() => {
      // The calls that have ended the turn are told so first.
      queueMicrotask(() => {
        this.#retiring.delete(store);
        this.release(store);
      });
    });
  }

  /** Lets the instance go, whose memory nobody uses, unless it is busy. The next call makes a fresh one. */
  #endIdle(): void {
    const { store } = this;
    if (store === undefined || store.entered || this.#serving.size > 0 || !this.takesTurns) return;
    this.#isIdleEnded = true;
    this.store = undefined;
    this.release(store);
    this.#past.memoryBytes = 0;
  }

  #servesNothing(): RuntimeError {
    return new RuntimeError(
      'RUNTIME_NO_EXPORT',
      `${formatComponentId(this.handle.id)} answers no requests: it exports neither wasi:http/handler@0.3 nor wasi:http/incoming-handler@0.2`,
    );
  }

  /** Runs a turn that drops the resources noted for dropping, if there are any and the component takes turns. */
  dropResources(): MessageTurn<void> {
    if (!this.takesTurns || this.store?.hasDrops !== true) return;
    return this.#inStore((store) => this.enter(store, runNothing, undefined));
  }

  /** Makes one call into a store, on that call's own budget. */
  enter<A, T>(store: Store, call: Call<A, T>, argument: A, budget: CallBudget = this.budget): Turn<T> {
    return asTurn(this.#call(store, call, argument, budget));
  }

  #call<A, T>(store: Store, call: Call<A, T>, argument: A, budget: CallBudget = this.budget): MessageTurn<T> {
    this.#called = store;
    return store.call(budget, call, argument);
  }

  /** Ends the turn that is suspended, if there is one, and its store. Resolves when the turn has ended. */
  async endTurn(reason: VivariumError): Promise<void> {
    for (const store of [this.#called, this.store, ...this.#retiring]) await store?.end(reason);
  }

  /** Whether the host ends a turn for which nobody waits any more: the loader chose so, or each turn has its own store. */
  get endsUnwanted(): boolean {
    return this.#endsUnwanted || this.policy === 'per-call';
  }

  /** Ends a message's turn that runs, whose answer nobody wants any more, if the loader chose that. Returns whether it does. */
  giveUpTurn(_: ComponentHandle, reason: VivariumError, message: OutgoingMessage): boolean {
    if (!this.#endsUnwanted) return false;
    const end = this.#ends.get(message);
    if (end === undefined) void this.endTurn(reason);
    else void end(reason);
    return true;
  }

  /** Calls `initialize` on the start budget. */
  initialize(store: Store, config: unknown): Turn<void> {
    return this.enter(store, through<void>, (lifecycle) => lifecycle.initialize(config), this.startBudget);
  }

  /** As `enter`, for a function of `lifecycle`. The component need not be ready: it may be starting or shutting down. */
  enterLifecycle<T>(store: Store, call: (lifecycle: LifecycleExports) => Turn<T>): Turn<T> {
    return this.enter(store, through<T>, call);
  }

  /** Discards a store and adds its usage to the component's total. A second call for the same store does nothing. */
  release(store: Store): void {
    if (store.discarded) return;
    const { totalFuel, callFuel, totalMs, callMs, memoryBytes, refusedGrowths } = store.usage;
    this.#past.waitingMs += store.waitedMs;
    this.#past.fuelConsumed += totalFuel;
    this.#past.executionTimeMs += totalMs;
    this.#past.memoryBytes = memoryBytes;
    this.#past.refusedGrowths = refusedGrowths;
    this.#past.last = { fuelConsumed: callFuel, executionTimeMs: callMs };
    store.discard();
  }

  usage(): ComponentUsage {
    const own = { messagesHandled: this.#messagesHandled, calls: this.code.calls };
    const sum = { ...this.#past };
    const retiring = [...this.#retiring].filter((store) => !store.discarded);
    const { store } = this;
    const isOpen = store !== undefined && !store.discarded;
    for (const each of isOpen ? [store, ...retiring] : retiring) {
      sum.fuelConsumed += each.usage.totalFuel;
      sum.executionTimeMs += each.usage.totalMs;
      sum.waitingMs += each.waitedMs;
    }
    if (!isOpen) return withJson({ ...sum, ...own });
    const { memoryBytes, refusedGrowths } = store.usage;
    return withJson({ ...sum, memoryBytes, refusedGrowths, last: store.last, ...own });
  }

  /** Adds what the previous version of the component has used, so that the totals continue. */
  countOn({ fuelConsumed, executionTimeMs, waitingMs, messagesHandled }: ComponentUsage): void {
    this.#past.fuelConsumed += fuelConsumed;
    this.#past.executionTimeMs += executionTimeMs;
    this.#past.waitingMs += waitingMs;
    this.#messagesHandled += messagesHandled;
  }

  /** Whether another version may take its place while calls of it run: they are in an instance that they share, which nobody else needs. */
  get mayGoOnBeside(): boolean {
    return this.concurrency > 1 && this.code.lifecycle === undefined;
  }

  /** Another version has taken its place: what it still does is no news of the component. Resolves when no call of it runs. */
  async replaced(): Promise<void> {
    this.#isReplaced = true;
    if (this.#serving.size > 0) await new Promise<void>((resolve) => void this.#whenServed.push(resolve));
    for (const store of [this.store, ...this.#retiring]) {
      if (store?.entered === true) await new Promise<void>((resolve) => void store.afterTurn(resolve));
    }
  }

  /** Ends each turn that answers an HTTP request, also one whose store is still being opened, and each call in an instance that calls share. */
  endServed(reason: VivariumError): void {
    this.#servedUntil = reason;
    for (const { end } of this.#serving) void end?.(reason);
    if (this.mayGoOnBeside) void this.endTurn(reason);
  }

  /** The error for a call that the component's state forbids. */
  refusal(): RuntimeError {
    const [id, { state }] = [formatComponentId(this.handle.id), this.lifecycle];
    return new RuntimeError('RUNTIME_WRONG_STATE', `${id} is ${state} and takes no calls`, {
      details: { id, state, component: id },
    });
  }

  /** Runs a turn that handles a message. A turn that is suspended counts as a message handled once it has answered. */
  #turn<A, T>(call: Call<A, T>, argument: A, now: number | undefined): MessageTurn<T> {
    // This does not check the state: an actor takes calls exactly while it has a store.
    const { store } = this;
    if (this.code.lifecycle === undefined) throw this.#takesNoMessages();
    if (store === undefined || store.entered || this.concurrency > 1) {
      const answer = this.#turnWithoutStore(call, argument);
      return answer instanceof Promise ? answer.then((reply) => this.#counted(reply)) : this.#counted(answer);
    }
    try {
      const answer = store.call(this.budget, call, argument, this.#sharesClock ? now : undefined);
      if (answer instanceof Promise) {
        this.#called = store;
        return answer.then(
          (reply) => this.#counted(reply),
          (error) => this.#rethrown(error),
        );
      }
      if (!(answer instanceof Later)) return this.#counted(answer);
      this.#called = store;
      const counted = new Later<T>();
      this.#answer = counted as Later<unknown>;
      answer.listen(this);
      return counted;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  /** Ends a message's turn that was suspended, with the guest's answer. */
  laterAnswered(reply: unknown): void {
    this.#takeAnswer().answer(this.#counted(reply));
  }

  /** Ends a message's turn that was suspended, with its error. */
  laterFailed(error: unknown): void {
    const answer = this.#takeAnswer();
    this.#failed(error);
    answer.fail(error);
  }

  #takeAnswer(): Later<unknown> {
    const answer = this.#answer as Later<unknown>;
    this.#answer = undefined;
    return answer;
  }

  #counted<T>(reply: T): T {
    this.#messagesHandled += 1;
    return reply;
  }

  #takesNoMessages(): RuntimeError {
    this.#checkReady();
    return new RuntimeError(
      'RUNTIME_NO_EXPORT',
      `${formatComponentId(this.handle.id)} takes no messages: it does not export vivarium:actor/lifecycle; use call`,
    );
  }

  #turnWithoutStore<A, T>(call: Call<A, T>, argument: A): Turn<T> {
    this.#checkReady();
    return this.#inStore((store) => this.enter(store, call, argument));
  }

  #inStore<T>(call: (store: Store) => Turn<T>): Turn<T>;
  #inStore<T>(call: (store: Store) => MessageTurn<T>): MessageTurn<T>;
  #inStore<T>(call: (store: Store) => MessageTurn<T>): MessageTurn<T> {
    if (this.policy === 'per-call') return this.#inOwnStore((store) => asTurn(call(store)));
    if (this.#isIdleEnded) this.#renewStore();
    if (this.store === undefined) throw new RuntimeError('RUNTIME_WRONG_STATE', 'the component has no store');
    try {
      const answer = call(this.store);
      if (answer instanceof Later) return answer.failingAs(this.#noteFailure);
      return answer instanceof Promise ? answer.catch((error) => this.#rethrown(error)) : answer;
    } catch (error) {
      return this.#rethrown(error);
    }
  }

  /** Makes a store for one call, runs the call in it and releases the store. */
  #inOwnStore<T>(call: (store: Store) => Turn<T>): Turn<T> {
    const opened = this.#open(this);
    return opened instanceof Promise
      ? opened.then((store) => this.#inOpened(store, call))
      : this.#inOpened(opened, call);
  }

  #inOpened<T>(store: Store, call: (store: Store) => Turn<T>): Turn<T> {
    const release = (): void => this.release(store);
    let answer: Turn<T>;
    try {
      answer = call(store);
    } catch (error) {
      release();
      throw error;
    }
    if (answer instanceof Promise) answer.then(release, release);
    else release();
    return answer;
  }

  #rethrown(error: unknown): never {
    this.#failed(error);
    throw error;
  }

  /** Releases the store and moves to `failed` if the error ended the store. An error that the guest returned does not. */
  #failed(error: unknown): void {
    const { store, lifecycle } = this;
    if (store === undefined || !store.dead) return;
    this.store = undefined;
    this.release(store);
    if (!this.#isReplaced && lifecycle.can('fail')) lifecycle.move('fail', reasonOf(error));
  }

  /** Whether turns may begin: it is ready, whatever its present turn does, or draining. */
  get takesTurns(): boolean {
    const { phase } = this.lifecycle;
    return phase === 'ready' || phase === 'draining';
  }

  #checkReady(): void {
    if (!this.takesTurns) throw this.refusal();
  }
}

/**
 * Whether calls that have ended have left more than half of what the host may keep for a store, so that some request to come would find
 * too little. What requests under way hold does not count, because they may drop it.
 */
function leaksTooMuch({ hostMemory, leftBytes }: Store): boolean {
  return leftBytes > hostMemory.limit / 2;
}

function asTurn<T>(answer: MessageTurn<T>): Turn<T> {
  return answer instanceof Later ? answer.promise() : answer;
}

/** The text of an error, as the reason of a state transition. */
export function reasonOf(error: unknown): string {
  return isVivariumError(error) ? `${error.code}: ${error.message}` : printable(String(error));
}

/** Adds a `toJSON` that writes fuel as a decimal string, because `JSON.stringify` throws on a bigint. */
function withJson(usage: ComponentUsage): ComponentUsage {
  const toJSON = (): object => ({
    ...usage,
    fuelConsumed: String(usage.fuelConsumed),
    last: { ...usage.last, fuelConsumed: String(usage.last.fuelConsumed) },
  });
  return Object.defineProperty(usage, 'toJSON', { value: toJSON, enumerable: false });
}

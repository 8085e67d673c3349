import type { DependencyContainer } from 'tsyringe';
import { type ComponentHandle, formatComponentId } from '#core';
import { isVivariumError } from '#core/errors';
import { allow, checkOptions } from '#core/options';
import type { ComponentUsage, Scheduling } from '#core/ports/engine';
import {
  ActorRef,
  type AnswerOf,
  type CallOf,
  type CodecName,
  checkRequest,
  type DeadLetter,
  type HostMessaging,
  type HostTopic,
  type MessageCounters,
  type Protocol,
  type Router,
} from '#messaging';
import type { ComponentState, JcoEngine } from '#runtime';
import { type ComponentResource, dropNow } from '#runtime/resources';
import type { GrantInput } from '#security/authority';
import type { SupervisorOptions } from '#supervision';
import type { ActorSupervisor } from './actor-supervisor.ts';
import type { Admission } from './admission.ts';
import { heedBranchHints } from './branch-hints.ts';
import { type RunOptions, runCommand } from './command-run.ts';
import type { ComponentSource } from './component-source.ts';
import { TOKENS, wire } from './container.ts';
import type { Directory } from './directory.ts';
import { aborted, closed } from './ended.ts';
import type { RuntimeEvents } from './events.ts';
import type { ExportCalls } from './export-calls.ts';
import type { Fetching, FetchOptions } from './fetching.ts';
import { Loading } from './loading.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { checkFetch, checkListener, checkRuntimeOptions, checkUnloadOptions } from './option-rules.ts';
import type {
  LoadedComponentInfo,
  LoadOptions,
  ReplaceOptions,
  RequestOptions,
  RuntimeOptions,
  UnloadOptions,
} from './options.ts';

/** A protocol of which nothing is known: at run time all are alike. */
type AnyProtocol = Readonly<Record<string, () => unknown>>;

const ACTOR_RULE = allow.options({ codec: allow.anything });
const TARGET_RULE = allow.required<Exclude<CallTarget, string>>(
  { name: allow.text, signal: allow.signal, timeoutMs: allow.milliseconds },
  'name',
);

/** An export's name, or the name with what else the call needs. */
export type CallTarget = string | { readonly name: string; readonly signal?: AbortSignal; readonly timeoutMs?: number };

/**
 * Hosts components. Every method may be called at any time; one component runs one turn at a time.
 * `await using runtime = await createRuntime()` closes it at the end of the block.
 */
export class Runtime implements AsyncDisposable {
  readonly #scope: DependencyContainer;
  readonly #engine: JcoEngine;
  readonly #directory: Directory;
  readonly #router: Router;
  readonly #host: HostMessaging;
  readonly #admission: Admission;
  readonly #supervisor: ActorSupervisor;
  readonly #loading: Loading;
  readonly #calls: ExportCalls;
  readonly #fetching: Fetching;
  #closing: Promise<void> | undefined;

  constructor(scope: DependencyContainer, scheduling: Scheduling) {
    this.#scope = scope;
    this.#engine = scope.resolve(TOKENS.engine);
    this.#directory = scope.resolve(TOKENS.directory);
    this.#router = scope.resolve(TOKENS.router);
    this.#host = scope.resolve(TOKENS.host);
    this.#admission = scope.resolve(TOKENS.admission);
    this.#supervisor = scope.resolve(TOKENS.supervisor);
    this.#calls = scope.resolve(TOKENS.exportCalls);
    this.#fetching = scope.resolve(TOKENS.fetching);
    this.#loading = new Loading(scope, scheduling, () => this.#closing !== undefined);
  }

  /**
   * Loads a component: finds its bytes, makes them ready for this engine (once; later loads take it from the cache),
   * instantiates it within its limits and calls its `initialize`.
   * @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_MISSING_IMPORT`, `RUNTIME_INSTANTIATION_FAILED`, `RUNTIME_NOT_FOUND`,
   * `RUNTIME_FETCH_FAILED`, `RUNTIME_ABORTED`, `METERING_…`, `CORE_INVALID_…`, `SUPERVISION_INVALID`, `SECURITY_UNTRUSTED`,
   * `SECURITY_BAD_SIGNATURE`, `SECURITY_INVALID_GRANT`, `SECURITY_INVALID_PREOPEN`
   */
  async load(source: ComponentSource, options: LoadOptions = {}): Promise<ComponentHandle> {
    const handle = await this.#loading.load(source, options);
    this.#fetching.bound(handle, options.requests);
    return handle;
  }

  /**
   * Puts another version of a component in its place: it is loaded, started and, where it is an actor, asked for its health beside the one that
   * runs, and then takes its id, mailbox, storage and topics over between two turns. Requests that have begun end on the old one.
   * When the new one fails, the old one stays. Options that are left out are those of the last version; grants are what they are
   * now. The old one's `shutdown` is not called.
   * @throws as `load`; `RUNTIME_WRONG_STATE` where the component is not ready
   */
  replace(target: ComponentHandle, source: ComponentSource, options: ReplaceOptions = {}): Promise<void> {
    return this.#loading.replace(target, source, options);
  }

  /** All components that are loaded, as they are now. */
  components(): readonly LoadedComponentInfo[] {
    return this.#directory.handles().flatMap((handle) => {
      // One that is being loaded is not there yet.
      if (this.#engine.state(handle) === 'stopped') return [];
      return {
        id: formatComponentId(handle.id),
        handle,
        state: this.#engine.state(handle),
        version: this.#directory.metadata(handle)?.version,
        usage: this.#engine.usage(handle),
        mailbox: this.#router.waiting(handle),
        requests: this.#fetching.open(handle),
      };
    });
  }

  /** A handle that knows the operations of its component: `request` takes them as values then, and answers one. */
  actor<P extends Protocol<P>>(handle: ComponentHandle, options: { readonly codec?: CodecName } = {}): ActorRef<P> {
    checkOptions(options, ACTOR_RULE);
    return new ActorRef<P>(handle, options.codec);
  }

  /**
   * Sends a message and waits for the reply, which is undefined where the component answers none. With a typed handle
   * (`runtime.actor`) the message is one operation with its argument, and the reply a value.
   * @throws `MESSAGING_QUEUE_FULL`, `MESSAGING_TIMEOUT`, `MESSAGING_CODEC`, `RUNTIME_NOT_FOUND`, `RUNTIME_WRONG_STATE`,
   * `RUNTIME_ABORTED`, and what ended the turn: `RUNTIME_…`, `METERING_…`
   */
  request(target: ComponentHandle, payload: Uint8Array, options?: RequestOptions): Promise<Uint8Array | undefined>;
  request<P extends Protocol<P>, C extends CallOf<P>>(
    target: ActorRef<P>,
    call: C,
    options?: RequestOptions,
  ): Promise<AnswerOf<P, C>>;
  request(
    target: ComponentHandle | ActorRef<AnyProtocol>,
    message: unknown,
    options?: RequestOptions,
  ): Promise<unknown> {
    try {
      if (target instanceof ActorRef) return this.#requestValue(target, message, options);
      if (this.#closing !== undefined || options?.signal?.aborted) this.#open(options?.signal);
      return this.#host.request(target, message as Uint8Array, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Sends a message; the promise says that it is in the mailbox, not that it was handled. @throws as `request` */
  send(target: ComponentHandle, payload: Uint8Array): Promise<void>;
  send<P extends Protocol<P>>(target: ActorRef<P>, call: CallOf<P>): Promise<void>;
  async send(target: ComponentHandle | ActorRef<AnyProtocol>, message: unknown): Promise<void> {
    const ref = target instanceof ActorRef ? target : undefined;
    const handle = target instanceof ActorRef ? target.handle : target;
    this.#open();
    const payload = ref === undefined ? (message as Uint8Array) : ref.codec.encode(message);
    await this.#host.send(handle, payload, { contentType: ref?.codec.contentType });
  }

  /** Messages for whoever subscribed, guests and host alike. @throws `MESSAGING_INVALID` for a name that is no topic */
  topic(name: string): HostTopic {
    this.#open();
    return this.#host.topic(name);
  }

  /**
   * Calls any export of any world: `runtime.call(handle, 'add', 1, 2)`, an interface's as `ns:pkg/iface@v#func`.
   * Arguments and results are JavaScript values as jco maps them; a 64-bit integer may be a safe integer too. Arguments are
   * checked before the component is entered: `RUNTIME_INVALID_ARGUMENT`, after which it goes on. A `result`'s error case
   * rejects with a `ComponentError` that carries the payload. The call takes a turn of its own, before messages that wait.
   */
  async call(target: ComponentHandle, what: CallTarget, ...args: readonly unknown[]): Promise<unknown> {
    if (typeof what !== 'string') checkOptions(what ?? null, TARGET_RULE, 'target');
    if (typeof what === 'string') {
      this.#open();
      return this.#calls.call(target, what, args);
    }
    this.#open(what.signal);
    return this.#calls.call(target, what.name, args, what);
  }

  /**
   * Runs a command, a component that exports `wasi:cli/run`: loads it, runs it to its end and unloads it. Answers its exit
   * code: what it exited with, 1 where `run` answered its error, 0 otherwise. A command that a budget, its signal or a trap
   * ended rejects. @throws what `load` and `call` do
   */
  run(source: ComponentSource, options: RunOptions = {}): Promise<number> {
    return runCommand(this, source, options);
  }

  /**
   * Has a component answer an HTTP request, by its `wasi:http/incoming-handler`. The promise is resolved when the component has
   * given the head of its answer; its turn goes on and streams the body, as fast as that is read. Aborting the request's signal
   * ends the turn where its store is its own (`per-call`) or `cancel` is `turn`. `toResponse` makes an answer of an error.
   * @throws `MESSAGING_QUEUE_FULL` where too many requests wait, `RUNTIME_NO_RESPONSE`, `RUNTIME_NO_EXPORT`, `RUNTIME_NOT_FOUND`,
   * `RUNTIME_WRONG_STATE`, `RUNTIME_ABORTED`, and what ended the turn: `RUNTIME_…`, `METERING_…`
   */
  async fetch(target: ComponentHandle, request: Request, options: FetchOptions = {}): Promise<Response> {
    checkFetch(request, options);
    this.#open();
    return this.#fetching.fetch(target, request, options);
  }

  /**
   * Drops a resource that a component answered, in a turn of its own, and waits for its destructor; nothing happens where
   * it was dropped, was given away, or its component's instance has ended. @throws `RUNTIME_INVALID_ARGUMENT` for anything
   * else than a resource, and what ended the turn: `RUNTIME_…`, `METERING_…`
   */
  drop(resource: ComponentResource): Promise<void> {
    return dropNow(resource);
  }

  /**
   * As `call`, with its arguments as the text of one JSON array. 64-bit integers are decimal strings; `"NaN"`, `"Infinity"`
   * and `"-Infinity"` are floats where the interface has one.
   */
  async callJson(target: ComponentHandle, what: CallTarget, json: string): Promise<unknown> {
    if (typeof what !== 'string') checkOptions(what ?? null, TARGET_RULE, 'target');
    const { name, signal } = typeof what === 'string' ? { name: what, signal: undefined } : what;
    this.#open(signal);
    return this.call(target, what, ...this.#engine.argumentsFromJson(target, name, json));
  }

  /** What a component has used so far. @throws `RUNTIME_NOT_FOUND` */
  usage(handle: ComponentHandle): ComponentUsage {
    return this.#engine.usage(handle);
  }

  /** Where a component is in its life; `stopped` for one that is no longer there. */
  state(handle: ComponentHandle): ComponentState {
    return this.#engine.state(handle);
  }

  /** What a component is granted now, each grant in its normal form. */
  grants(handle: ComponentHandle): readonly string[] {
    return this.#admission.of(handle).capabilities.list();
  }

  /** Grants a loaded component more. @throws `SECURITY_INVALID_GRANT`, `RUNTIME_NOT_FOUND` */
  grant(handle: ComponentHandle, ...grants: readonly GrantInput[]): void {
    this.#engine.lifecycle(handle);
    this.#admission.of(handle).grant(grants);
  }

  /**
   * Takes grants away, from the next use on; what was narrowed from them ends too. Answers how many grants were written
   * like this. @throws `SECURITY_INVALID_GRANT`
   */
  revoke(handle: ComponentHandle, grant: GrantInput): number {
    return this.#admission.of(handle).revoke(grant);
  }

  /** Listens; call what it answers to stop. */
  on<E extends keyof RuntimeEvents>(event: E, listener: (detail: RuntimeEvents[E]) => void): () => void {
    checkListener(event, listener);
    return this.#scope.resolve(TOKENS.events).on(event, listener);
  }

  /** What the messages of this runtime have come to so far; every message taken ends in exactly one of them. */
  get messages(): Readonly<MessageCounters> {
    return this.#router.counters;
  }

  /** What this runtime did so far: its artifact cache, its registry, its messages. A copy of counters, made at once. */
  metrics(): RuntimeMetrics {
    const { inFlight, openRequests } = this.#router.counters;
    return {
      cache: this.#scope.resolve(TOKENS.artifactCache).metrics(),
      registry: this.#scope.resolve(TOKENS.registry).metrics?.(),
      messages: { ...this.#router.counters, inFlight, openRequests },
    };
  }

  /** The last messages that reached nobody, oldest first, with the reason. */
  deadLetters(): readonly DeadLetter[] {
    return this.#router.deadLetters.list();
  }

  /**
   * Ends a component: its `shutdown` is called and everything of it is let go. With `drain` it first handles what is in
   * its mailbox; what is left after `timeoutMs` becomes dead letters. @throws `RUNTIME_NOT_FOUND`
   */
  async unload(handle: ComponentHandle, options: UnloadOptions = {}): Promise<void> {
    checkUnloadOptions(options);
    const { drain = false, timeoutMs = 5_000 } = options;
    const { state } = this.#engine.lifecycle(handle);
    if (drain && state === 'ready') await this.#router.drain(handle, timeoutMs);
    await this.#supervisor.unload(handle);
  }

  /**
   * Makes a supervisor that `load` can name in `supervision.supervisor`. Its children are restarted by its strategy; when
   * it gives up, its parent, if it has one, restarts it with all of them. @throws `SUPERVISION_INVALID`
   */
  addSupervisor(name: string, options: SupervisorOptions & { readonly parent?: string } = {}): void {
    this.#supervisor.addSupervisor(name, options);
  }

  /**
   * Ends every component and the runtime. Calls that still wait end with `RUNTIME_CLOSED`; with `drain`, messages that
   * were taken are handled first, for at most `timeoutMs`.
   */
  async close(options: UnloadOptions = {}): Promise<void> {
    checkUnloadOptions(options);
    const { drain = false, timeoutMs = 5_000 } = options;
    if (drain && this.#closing === undefined) await this.#router.drainAll(timeoutMs);
    this.#closing ??= this.#close();
    await this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#router.close(closed());
    for (const handle of this.#directory.handles().toReversed()) {
      await this.#supervisor.unload(handle, closed()).catch((error) => {
        if (!isVivariumError(error, 'RUNTIME_NOT_FOUND')) throw error;
      });
    }
    this.#admission.close();
    await this.#scope.resolve(TOKENS.builder).close();
    await this.#scope.resolve(TOKENS.artifactCache).close();
    await this.#scope.resolve(TOKENS.keyValueStore).close();
    await this.#scope.resolve(TOKENS.audit).close();
  }

  #open(signal?: AbortSignal): void {
    if (this.#closing !== undefined) throw closed();
    if (signal?.aborted) throw aborted(signal);
  }

  async #requestValue(ref: ActorRef<AnyProtocol>, call: unknown, options?: RequestOptions): Promise<unknown> {
    if (options !== undefined) checkRequest(options);
    this.#open(options?.signal);
    const { contentType } = ref.codec;
    const reply = await this.#host.request(ref.handle, ref.codec.encode(call), { ...options, contentType });
    return reply === undefined ? undefined : ref.codec.decode(reply);
  }
}

/**
 * Makes a runtime with embedded defaults: nothing to install, nothing to start.
 * @throws `CORE_INVALID_OPTION`, `CORE_INVALID_LIMITS`, `CACHE_INVALID_CONFIG`, and nothing was started;
 * `STORAGE_UNAVAILABLE`
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  checkRuntimeOptions(options);
  // Before anything is compiled: V8 gives equal bytes the code that it has.
  if (options.branchHints === true) heedBranchHints();
  return new Runtime(wire(options), options.scheduling ?? 'preemptive');
}

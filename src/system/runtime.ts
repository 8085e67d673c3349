import { type ComponentHandle, formatComponentId, parseComponentId } from '#core';
import { isVivariumError } from '#core/errors';
import { allow, checkOptions } from '#core/options';
import type { AuditEntry } from '#core/ports/audit';
import type { ComponentState, ComponentUsage } from '#core/ports/engine';
import type { ModuleRecord } from '#core/ports/registry';
import {
  ActorRef,
  type AnswerOf,
  type CallOf,
  type CodecName,
  checkRequest,
  type DeadLetter,
  type HostTopic,
  type MessageCounters,
  type MessageFields,
  type Protocol,
} from '#messaging';
import type { ExportInfo } from '#runtime';
import { type ComponentResource, dropNow } from '#runtime/resources';
import type { GrantInput } from '#security/authority';
import type { SupervisorOptions } from '#supervision';
import { heedBranchHints } from './branch-hints.ts';
import { type RunOptions, runCommand } from './command-run.ts';
import type { ComponentSource } from './component-source.ts';
import { type Parts, wire } from './container.ts';
import { aborted, closed } from './ended.ts';
import type { RuntimeEvents } from './events.ts';
import type { FetchOptions } from './fetch-options.ts';
import type { HttpExchange } from './http-exchange.ts';
import { type CachedArtifacts, cachedArtifacts } from './listings.ts';
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

/** A protocol with unknown operations. Protocols differ only in their types, so the code handles all of them alike. */
type AnyProtocol = Readonly<Record<string, () => unknown>>;

const ACTOR_RULE = allow.options({ codec: allow.anything });
const TARGET_RULE = allow.required<Exclude<CallTarget, string>>(
  { name: allow.text, signal: allow.signal, timeoutMs: allow.milliseconds },
  'name',
);

const AUDIT_RULE = allow.required<AuditEntry>(
  {
    action: allow.text,
    component: allow.text,
    target: allow.text,
    outcome: allow.oneOf('granted', 'denied', 'done', 'failed'),
    detail: allow.text,
    count: allow.wholeNumber(1),
  },
  'action',
  'component',
  'outcome',
);
const ARTIFACTS_RULE = allow.options({ limit: allow.wholeNumber(0) });
const MODULES_RULE = allow.options({ limit: allow.wholeNumber(1), after: allow.text });
const BOUNDS_RULE = allow.options({ signal: allow.signal, timeoutMs: allow.milliseconds });

/** An export's name, or the name with the call's signal and time-out. */
export type CallTarget = string | { readonly name: string; readonly signal?: AbortSignal; readonly timeoutMs?: number };

/**
 * Has a component answer on an exchange that a server made, without the objects of the web. Resolves when the turn has ended. The
 * exchange is told of every error. Only servers of this package use it.
 */
export let serveExchange: (runtime: Runtime, target: ComponentHandle, exchange: HttpExchange) => Promise<void>;

/**
 * Hosts components. Every method may be called at any time; one component runs one turn at a time.
 * `await using runtime = await createRuntime()` closes it at the end of the block.
 */
export class Runtime implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #loading: Loading;
  readonly #engine: Parts['engine'];
  readonly #directory: Parts['directory'];
  readonly #router: Parts['router'];
  readonly #host: Parts['host'];
  readonly #admission: Parts['admission'];
  readonly #supervisor: Parts['supervisor'];
  readonly #calls: Parts['exportCalls'];
  readonly #fetching: Parts['fetching'];
  #closing: Promise<void> | undefined;

  static {
    serveExchange = async (runtime, target, exchange) => {
      try {
        runtime.#open();
      } catch (error) {
        exchange.ended(error);
        return;
      }
      await runtime.#fetching.serve(target, exchange);
    };
  }

  /** Use `createRuntime`, which checks the options first. */
  constructor(options: RuntimeOptions) {
    const parts = wire(options);
    const { scheduling = 'preemptive' } = options;
    const {
      engine,
      directory,
      router,
      host,
      admission,
      supervisor,
      exportCalls,
      fetching,
      limiter,
      maxComponentBytes,
    } = parts;
    this.#parts = parts;
    this.#engine = engine;
    this.#directory = directory;
    this.#router = router;
    this.#host = host;
    this.#admission = admission;
    this.#supervisor = supervisor;
    this.#calls = exportCalls;
    this.#fetching = fetching;
    const isClosing = (): boolean => this.#closing !== undefined;
    const known = { engine, directory, router, admission, supervisor, limiter, maxComponentBytes };
    this.#loading = new Loading({ ...known, sources: parts, scheduling, isClosing });
  }

  /**
   * Loads a component: finds its bytes, builds them for this engine (later loads take the result from the cache), instantiates
   * the component within its limits and calls its `initialize`.
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
   * Replaces a component by another version. The new version is loaded, started and, if it is an actor, asked for its health
   * while the old one still runs. It then takes over the id, mailbox, storage and topics between two turns. Requests that have
   * begun end on the old version. If the new version fails, the old one stays. An option that is left out keeps the last
   * version's value, and the present grants stay in force. The old version's `shutdown` is not called.
   * @throws as `load`; `RUNTIME_WRONG_STATE` if the component is not ready
   */
  async replace(target: ComponentHandle, source: ComponentSource, options: ReplaceOptions = {}): Promise<void> {
    await this.#loading.replace(target, source, options);
    if (options.requests !== undefined) this.#fetching.bound(target, options.requests);
  }

  /** Lists all loaded components with their present state. */
  components(): readonly LoadedComponentInfo[] {
    return this.#directory.handles().flatMap((handle) => {
      // A component that is still being loaded has no entry in the engine.
      if (this.#engine.state(handle) === 'stopped') return [];
      return {
        id: formatComponentId(handle.id),
        handle,
        state: this.#engine.state(handle),
        digest: this.#directory.digest(handle),
        version: this.#directory.metadata(handle)?.version,
        limits: this.#engine.limits(handle),
        usage: this.#engine.usage(handle),
        mailbox: this.#router.waiting(handle),
        concurrency: this.#engine.concurrency(handle),
        requests: this.#fetching.open(handle),
      };
    });
  }

  /** Finds a loaded component. @param id `namespace/name/instance` @throws `CORE_INVALID_ID` */
  find(id: string): ComponentHandle | undefined {
    const handle = this.#directory.find(parseComponentId(id));
    // A component that is still being loaded has no entry in the engine.
    return handle === undefined || this.#engine.state(handle) === 'stopped' ? undefined : handle;
  }

  /** Makes a handle that knows its component's operations, with which `request` takes and returns values instead of bytes. */
  actor<P extends Protocol<P>>(handle: ComponentHandle, options: { readonly codec?: CodecName } = {}): ActorRef<P> {
    checkOptions(options, ACTOR_RULE);
    return new ActorRef<P>(handle, options.codec);
  }

  /**
   * Sends a message and waits for the reply, which is undefined if the component gives none. With a typed handle
   * (`runtime.actor`), the message is one operation with its argument, and the reply is a value.
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

  /** Sends a message. The promise resolves when the message is in the mailbox, not when it was handled. @throws as `request` */
  send(target: ComponentHandle, payload: Uint8Array, fields?: MessageFields): Promise<void>;
  send<P extends Protocol<P>>(target: ActorRef<P>, call: CallOf<P>): Promise<void>;
  async send(target: ComponentHandle | ActorRef<AnyProtocol>, message: unknown, fields?: MessageFields): Promise<void> {
    const ref = target instanceof ActorRef ? target : undefined;
    const handle = target instanceof ActorRef ? target.handle : target;
    if (fields !== undefined) checkRequest(fields);
    this.#open();
    const payload = ref === undefined ? (message as Uint8Array) : ref.codec.encode(message);
    await this.#host.send(handle, payload, ref === undefined ? fields : { contentType: ref.codec.contentType });
  }

  /** Opens a topic, whose messages reach all subscribers, guests and host alike. @throws `MESSAGING_INVALID` for an invalid name */
  topic(name: string): HostTopic {
    this.#open();
    return this.#host.topic(name);
  }

  /**
   * Calls any export of any world: `runtime.call(handle, 'add', 1, 2)`. A function of an interface is named
   * `ns:pkg/iface@v#func`. Arguments and results are JavaScript values as jco maps them; a 64-bit integer may also be a safe
   * integer. Arguments are checked before the call enters the component: an invalid one rejects with `RUNTIME_INVALID_ARGUMENT`
   * and does not end the component. A `result`'s error case rejects with a `ComponentError` that carries the payload. The call is
   * a turn of its own and precedes waiting messages.
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
   * Binds a component's exports to an object whose functions are `runtime.call`s, with types that `viv types` writes:
   * `const shop = runtime.bind<World>(handle); await shop.carts.cart(5)`. Names are camelCase. An interface is an object under its
   * whole name and, where only one has it, under its own name; a resource is the function that constructs one, with its static
   * functions as properties. The exports are those at the time of the call of `bind`; each call finds the version that then runs.
   * @throws `RUNTIME_NOT_FOUND`, `RUNTIME_CLOSED`
   */
  bind<World extends object>(target: ComponentHandle, bounds: Omit<Exclude<CallTarget, string>, 'name'> = {}): World {
    checkOptions(bounds, BOUNDS_RULE, 'bounds');
    this.#open();
    return this.#engine.boundExports(target, (name, args) => this.call(target, { ...bounds, name }, ...args)) as World;
  }

  /**
   * Runs a command, which is a component that exports `wasi:cli/run`: loads it, runs it to its end and unloads it. Returns the
   * exit code: the one with which it exited, 1 if `run` returned its error, 0 otherwise. The promise rejects if a budget, the
   * signal or a trap ended the command. @throws what `load` and `call` throw
   */
  run(source: ComponentSource, options: RunOptions = {}): Promise<number> {
    return runCommand(this, source, options);
  }

  /**
   * Has a component answer an HTTP request through its `wasi:http/incoming-handler`. The promise resolves when the component has
   * given the status and headers of its answer. The turn then goes on and streams the body as fast as the caller reads it.
   * Aborting the request's signal ends the turn if the turn has its own store (`per-call`) or if `cancel` is `turn`. `toResponse`
   * turns an error into a response.
   * @throws `MESSAGING_QUEUE_FULL` if too many requests wait, `RUNTIME_NO_RESPONSE`, `RUNTIME_NO_EXPORT`, `RUNTIME_NOT_FOUND`,
   * `RUNTIME_WRONG_STATE`, `RUNTIME_ABORTED`, and what ended the turn: `RUNTIME_…`, `METERING_…`
   */
  async fetch(target: ComponentHandle, request: Request, options: FetchOptions = {}): Promise<Response> {
    checkFetch(request, options);
    this.#open();
    return this.#fetching.fetch(target, request, options);
  }

  /**
   * Drops a resource that a component returned, in a turn of its own, and waits for its destructor. Does nothing if the resource
   * was already dropped or given away, or if its instance has ended. @throws `RUNTIME_INVALID_ARGUMENT` for anything
   * other than a resource, and what ended the turn: `RUNTIME_…`, `METERING_…`
   */
  drop(resource: ComponentResource | (Disposable & AsyncDisposable)): Promise<void> {
    return dropNow(resource);
  }

  /**
   * Does the same as `call`, with the arguments as the text of one JSON array. 64-bit integers are decimal strings. For a float,
   * `"NaN"`, `"Infinity"` and `"-Infinity"` are accepted too.
   */
  async callJson(target: ComponentHandle, what: CallTarget, json: string): Promise<unknown> {
    if (typeof what !== 'string') checkOptions(what ?? null, TARGET_RULE, 'target');
    const { name, signal } = typeof what === 'string' ? { name: what, signal: undefined } : what;
    this.#open(signal);
    return this.call(target, what, ...this.#engine.argumentsFromJson(target, name, json));
  }

  /**
   * Describes the functions that a component exports: their names, their comments in WIT, and JSON Schemas of what `callJson` takes
   * and returns. @throws `RUNTIME_NOT_FOUND`, `RUNTIME_NO_EXPORT` if the component's types cannot be read
   */
  exports(handle: ComponentHandle): readonly ExportInfo[] {
    return this.#engine.exports(handle);
  }

  /** Returns what a component has used so far. @throws `RUNTIME_NOT_FOUND` */
  usage(handle: ComponentHandle): ComponentUsage {
    return this.#engine.usage(handle);
  }

  /** Returns a component's state; `stopped` if it is no longer loaded. */
  state(handle: ComponentHandle): ComponentState {
    return this.#engine.state(handle);
  }

  /** Lists a component's present grants, each in its normal form. */
  grants(handle: ComponentHandle): readonly string[] {
    return this.#admission.of(handle).capabilities.list();
  }

  /** Adds grants to a loaded component. @throws `SECURITY_INVALID_GRANT`, `RUNTIME_NOT_FOUND` */
  grant(handle: ComponentHandle, ...grants: readonly GrantInput[]): void {
    this.#engine.lifecycle(handle);
    this.#admission.of(handle).grant(grants);
  }

  /**
   * Revokes a grant and all grants that were narrowed from it, from the next use on. Returns how many grants were written
   * like this one. @throws `SECURITY_INVALID_GRANT`
   */
  revoke(handle: ComponentHandle, grant: GrantInput): number {
    return this.#admission.of(handle).revoke(grant);
  }

  /** Adds a listener. @returns a function that removes it */
  on<E extends keyof RuntimeEvents>(event: E, listener: (detail: RuntimeEvents[E]) => void): () => void {
    checkListener(event, listener);
    return this.#parts.events.on(event, listener);
  }

  /**
   * Adds an entry of the embedder's own to the audit log, such as who asked for a load. It is written later, and errors of writing
   * are a `warning`. Entries of one component that are refusals, failures or `manage:send` are folded when they repeat.
   */
  audit(entry: AuditEntry): void {
    checkOptions(entry, AUDIT_RULE, 'entry');
    this.#parts.audit.append(entry);
  }

  /** Counts what has happened to this runtime's messages. Every accepted message ends in exactly one of the counters. */
  get messages(): Readonly<MessageCounters> {
    return this.#router.counters;
  }

  /** Returns a copy of the counters of the artifact cache, the registry and the messages. */
  metrics(): RuntimeMetrics {
    const { inFlight, openRequests } = this.#router.counters;
    return {
      cache: this.#parts.artifactCache.metrics(),
      registry: this.#parts.registry.metrics?.(),
      messages: { ...this.#router.counters, inFlight, openRequests },
    };
  }

  /**
   * Describes the artifact cache on disk, and lists its first artifacts; undefined in a runtime that keeps artifacts in memory only.
   * Nothing is verified. @param limit the most artifacts; 1,000 by default @throws `CACHE_UNAVAILABLE`
   */
  async artifacts(limit = 1_000): Promise<CachedArtifacts | undefined> {
    checkOptions({ limit }, ARTIFACTS_RULE);
    return cachedArtifacts(this.#parts.artifactCache, limit);
  }

  /**
   * Lists the modules of the registry that the runtime was given, by id; undefined without one, or if it lists none. The records
   * are not checked. @throws `REGISTRY_…`
   */
  async modules(
    filter: { readonly limit?: number; readonly after?: string } = {},
  ): Promise<readonly ModuleRecord[] | undefined> {
    const { limit = 100, after } = filter;
    checkOptions({ limit, after }, MODULES_RULE);
    return this.#parts.registry.list?.({ limit, after });
  }

  /** Lists the last messages that no actor handled, oldest first, with the reasons. */
  deadLetters(): readonly DeadLetter[] {
    return this.#router.deadLetters.list();
  }

  /**
   * Ends a component: calls its `shutdown` and releases all that it holds. With `drain`, the component first handles the messages
   * in its mailbox and ends its HTTP requests. After `timeoutMs`, messages that are left become dead letters and requests end. @throws `RUNTIME_NOT_FOUND`
   */
  async unload(handle: ComponentHandle, options: UnloadOptions = {}): Promise<void> {
    checkUnloadOptions(options);
    const { drain = false, timeoutMs = 5_000 } = options;
    const { phase } = this.#engine.lifecycle(handle);
    if (drain && phase === 'ready') {
      await Promise.all([this.#router.drain(handle, timeoutMs), this.#fetching.drain(handle, timeoutMs)]);
    }
    await this.#supervisor.unload(handle);
  }

  /**
   * Makes a supervisor that `load` can name in `supervision.supervisor`. It restarts its children by its strategy. When it gives
   * up, its parent, if it has one, restarts it with all its children. @throws `SUPERVISION_INVALID`
   */
  addSupervisor(name: string, options: SupervisorOptions & { readonly parent?: string } = {}): void {
    this.#supervisor.addSupervisor(name, options);
  }

  /**
   * Ends all components and the runtime. Calls that still wait end with `RUNTIME_CLOSED`. With `drain`, messages that are
   * already accepted are handled first, for at most `timeoutMs`.
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
    await this.#parts.builder.close();
    await this.#parts.artifactCache.close();
    await this.#parts.keyValueStore.close();
    await this.#parts.audit.close();
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
 * Makes a runtime. By default all its parts are embedded, so that no service must be installed or started.
 * @throws `CORE_INVALID_OPTION`, `CORE_INVALID_LIMITS` and `CACHE_INVALID_CONFIG`, before anything is started;
 * `STORAGE_UNAVAILABLE`
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  checkRuntimeOptions(options);
  // The flag must be set before anything is compiled, because V8 reuses compiled code for equal bytes.
  if (options.branchHints === true) heedBranchHints();
  return new Runtime(options);
}

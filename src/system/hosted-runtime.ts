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
import { type CallTarget, Runtime } from './runtime.ts';

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

/**
 * Has a component answer on an exchange that a server made, without the objects of the web. Resolves when the turn has ended. The
 * exchange is told of every error. Only servers of this package use it.
 */
export let serveExchange: (runtime: Runtime, target: ComponentHandle, exchange: HttpExchange) => Promise<void>;

/**
 * Whether a component has all requests that it may have, so that one more is refused with `MESSAGING_QUEUE_FULL`. A server asks before
 * it makes an exchange.
 */
export let isFull: (runtime: Runtime, target: ComponentHandle) => boolean;

/** The runtime that `createRuntime` makes; `Runtime` says what its methods do. It imports the engine, `Runtime` imports nothing. */
class HostedRuntime extends Runtime {
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
    serveExchange = (runtime, target, exchange) => {
      if (!(#fetching in runtime)) return Promise.reject(new TypeError('not a runtime of createRuntime'));
      try {
        runtime.#open();
      } catch (error) {
        exchange.ended(error);
        return Promise.resolve();
      }
      return runtime.#fetching.serve(target, exchange);
    };
    isFull = (runtime, target) => #fetching in runtime && runtime.#fetching.isFull(target);
  }

  constructor(options: RuntimeOptions) {
    super();
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

  async load(source: ComponentSource, options: LoadOptions = {}): Promise<ComponentHandle> {
    const handle = await this.#loading.load(source, options);
    this.#fetching.bound(handle, options.requests);
    return handle;
  }

  async replace(target: ComponentHandle, source: ComponentSource, options: ReplaceOptions = {}): Promise<void> {
    await this.#loading.replace(target, source, options);
    if (options.requests === undefined && options.concurrency === undefined) return;
    this.#fetching.bound(target, this.#loading.optionsOf(target)?.requests);
  }

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

  find(id: string): ComponentHandle | undefined {
    const handle = this.#directory.find(parseComponentId(id));
    // A component that is still being loaded has no entry in the engine.
    return handle === undefined || this.#engine.state(handle) === 'stopped' ? undefined : handle;
  }

  actor<P extends Protocol<P>>(handle: ComponentHandle, options: { readonly codec?: CodecName } = {}): ActorRef<P> {
    checkOptions(options, ACTOR_RULE);
    return new ActorRef<P>(handle, options.codec);
  }

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

  topic(name: string): HostTopic {
    this.#open();
    return this.#host.topic(name);
  }

  call(target: ComponentHandle, what: CallTarget, ...args: readonly unknown[]): Promise<unknown> {
    try {
      if (typeof what === 'string') {
        this.#open();
        return this.#calls.call(target, what, args);
      }
      checkOptions(what ?? null, TARGET_RULE, 'target');
      this.#open(what.signal);
      return this.#calls.call(target, what.name, args, what);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  bind<World extends object>(target: ComponentHandle, bounds: Omit<Exclude<CallTarget, string>, 'name'> = {}): World {
    checkOptions(bounds, BOUNDS_RULE, 'bounds');
    this.#open();
    return this.#engine.boundExports(target, (name, args) => this.call(target, { ...bounds, name }, ...args)) as World;
  }

  run(source: ComponentSource, options: RunOptions = {}): Promise<number> {
    return runCommand(this, source, options);
  }

  async fetch(target: ComponentHandle, request: Request, options: FetchOptions = {}): Promise<Response> {
    checkFetch(request, options);
    this.#open();
    return this.#fetching.fetch(target, request, options);
  }

  drop(resource: ComponentResource | (Disposable & AsyncDisposable)): Promise<void> {
    return dropNow(resource);
  }

  async callJson(target: ComponentHandle, what: CallTarget, json: string): Promise<unknown> {
    if (typeof what !== 'string') checkOptions(what ?? null, TARGET_RULE, 'target');
    const { name, signal } = typeof what === 'string' ? { name: what, signal: undefined } : what;
    this.#open(signal);
    return this.call(target, what, ...this.#engine.argumentsFromJson(target, name, json));
  }

  exports(handle: ComponentHandle): readonly ExportInfo[] {
    return this.#engine.exports(handle);
  }

  usage(handle: ComponentHandle): ComponentUsage {
    return this.#engine.usage(handle);
  }

  state(handle: ComponentHandle): ComponentState {
    return this.#engine.state(handle);
  }

  grants(handle: ComponentHandle): readonly string[] {
    return this.#admission.of(handle).capabilities.list();
  }

  grant(handle: ComponentHandle, ...grants: readonly GrantInput[]): void {
    this.#engine.lifecycle(handle);
    this.#admission.of(handle).grant(grants);
  }

  revoke(handle: ComponentHandle, grant: GrantInput): number {
    return this.#admission.of(handle).revoke(grant);
  }

  on<E extends keyof RuntimeEvents>(event: E, listener: (detail: RuntimeEvents[E]) => void): () => void {
    checkListener(event, listener);
    return this.#parts.events.on(event, listener);
  }

  audit(entry: AuditEntry): void {
    checkOptions(entry, AUDIT_RULE, 'entry');
    this.#parts.audit.append(entry);
  }

  get messages(): Readonly<MessageCounters> {
    return this.#router.counters;
  }

  metrics(): RuntimeMetrics {
    const { inFlight, openRequests } = this.#router.counters;
    return {
      cache: this.#parts.artifactCache.metrics(),
      registry: this.#parts.registry.metrics?.(),
      messages: { ...this.#router.counters, inFlight, openRequests },
    };
  }

  async artifacts(limit = 1_000): Promise<CachedArtifacts | undefined> {
    checkOptions({ limit }, ARTIFACTS_RULE);
    return cachedArtifacts(this.#parts.artifactCache, limit);
  }

  async modules(
    filter: { readonly limit?: number; readonly after?: string } = {},
  ): Promise<readonly ModuleRecord[] | undefined> {
    const { limit = 100, after } = filter;
    checkOptions({ limit, after }, MODULES_RULE);
    return this.#parts.registry.list?.({ limit, after });
  }

  deadLetters(): readonly DeadLetter[] {
    return this.#router.deadLetters.list();
  }

  async unload(handle: ComponentHandle, options: UnloadOptions = {}): Promise<void> {
    checkUnloadOptions(options);
    const { drain = false, timeoutMs = 5_000 } = options;
    const { phase } = this.#engine.lifecycle(handle);
    if (drain && phase === 'ready') {
      await Promise.all([this.#router.drain(handle, timeoutMs), this.#fetching.drain(handle, timeoutMs)]);
    }
    await this.#supervisor.unload(handle);
  }

  addSupervisor(name: string, options: SupervisorOptions & { readonly parent?: string } = {}): void {
    this.#supervisor.addSupervisor(name, options);
  }

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

/** Does the work of `createRuntime`. */
export function openRuntime(options: RuntimeOptions): Runtime {
  checkRuntimeOptions(options);
  // The flag must be set before anything is compiled, because V8 reuses compiled code for equal bytes.
  if (options.branchHints === true) heedBranchHints();
  return new HostedRuntime(options);
}

import type { ComponentHandle } from '#core';
import type { AuditEntry } from '#core/ports/audit';
import type { ComponentState, ComponentUsage } from '#core/ports/engine';
import type { ModuleRecord } from '#core/ports/registry';
import type {
  ActorRef,
  AnswerOf,
  CallOf,
  CodecName,
  DeadLetter,
  HostTopic,
  MessageCounters,
  MessageFields,
  Protocol,
} from '#messaging';
import type { ExportInfo } from '#runtime';
import type { ComponentResource } from '#runtime/resources';
import type { GrantInput } from '#security/authority';
import type { SupervisorOptions } from '#supervision';
import type { RunOptions } from './command-run.ts';
import type { ComponentSource } from './component-source.ts';
import type { RuntimeEvents } from './events.ts';
import type { FetchOptions } from './fetch-options.ts';
import type { CachedArtifacts } from './listings.ts';
import type { RuntimeMetrics } from './metrics.ts';
import type { LoadedComponentInfo, LoadOptions, ReplaceOptions, RequestOptions, UnloadOptions } from './options.ts';

/** An export's name, or the name with the call's signal and time-out. */
export type CallTarget = string | { readonly name: string; readonly signal?: AbortSignal; readonly timeoutMs?: number };

/**
 * Hosts components. Every method may be called at any time; one component runs one turn at a time.
 * `await using runtime = await createRuntime()` closes it at the end of the block.
 */
export abstract class Runtime implements AsyncDisposable {
  constructor() {
    if (new.target === Runtime) throw new TypeError('a Runtime is made by createRuntime(options), not by new');
  }

  /**
   * Loads a component: finds its bytes, builds them for this engine (later loads take the result from the cache), instantiates
   * the component within its limits and calls its `initialize`.
   * @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_MISSING_IMPORT`, `RUNTIME_INSTANTIATION_FAILED`, `RUNTIME_NOT_FOUND`,
   * `RUNTIME_FETCH_FAILED`, `RUNTIME_ABORTED`, `METERING_…`, `CORE_INVALID_…`, `SUPERVISION_INVALID`, `SECURITY_UNTRUSTED`,
   * `SECURITY_BAD_SIGNATURE`, `SECURITY_INVALID_GRANT`, `SECURITY_INVALID_PREOPEN`
   */
  abstract load(source: ComponentSource, options?: LoadOptions): Promise<ComponentHandle>;

  /**
   * Replaces a component by another version. The new version is loaded, started and, if it is an actor, asked for its health
   * while the old one still runs. It then takes over the id, mailbox, storage and topics between two turns. Requests that have
   * begun end on the old version, within `timeoutMs`. If the new version fails, or exports no handler or lifecycle where the old one does, the old one stays. An option that is left out keeps the last
   * version's value, and the present grants stay in force. The old version's `shutdown` is not called.
   * @throws as `load`; `RUNTIME_MISSING_EXPORT`; `RUNTIME_WRONG_STATE` if the component is not ready
   */
  abstract replace(target: ComponentHandle, source: ComponentSource, options?: ReplaceOptions): Promise<void>;

  /** Lists all loaded components with their present state. */
  abstract components(): readonly LoadedComponentInfo[];

  /** Finds a loaded component. @param id `namespace/name/instance` @throws `CORE_INVALID_ID` */
  abstract find(id: string): ComponentHandle | undefined;

  /** Makes a handle that knows its component's operations, with which `request` takes and returns values instead of bytes. */
  abstract actor<P extends Protocol<P>>(handle: ComponentHandle, options?: { readonly codec?: CodecName }): ActorRef<P>;

  /**
   * Sends a message and waits for the reply, which is undefined if the component gives none. With a typed handle
   * (`runtime.actor`), the message is one operation with its argument, and the reply is a value.
   * @throws `MESSAGING_QUEUE_FULL`, `MESSAGING_TIMEOUT`, `MESSAGING_CODEC`, `RUNTIME_NOT_FOUND`, `RUNTIME_WRONG_STATE`,
   * `RUNTIME_ABORTED`, and what ended the turn: `RUNTIME_…`, `METERING_…`
   */
  abstract request(
    target: ComponentHandle,
    payload: Uint8Array,
    options?: RequestOptions,
  ): Promise<Uint8Array | undefined>;
  abstract request<P extends Protocol<P>, C extends CallOf<P>>(
    target: ActorRef<P>,
    call: C,
    options?: RequestOptions,
  ): Promise<AnswerOf<P, C>>;

  /** Sends a message. The promise resolves when the message is in the mailbox, not when it was handled. @throws as `request` */
  abstract send(target: ComponentHandle, payload: Uint8Array, fields?: MessageFields): Promise<void>;
  abstract send<P extends Protocol<P>>(target: ActorRef<P>, call: CallOf<P>): Promise<void>;

  /** Opens a topic, whose messages reach all subscribers, guests and host alike. @throws `MESSAGING_INVALID` for an invalid name */
  abstract topic(name: string): HostTopic;

  /**
   * Calls any export of any world: `runtime.call(handle, 'add', 1, 2)`. A function of an interface is named
   * `ns:pkg/iface@v#func`. Arguments and results are JavaScript values as jco maps them; a 64-bit integer may also be a safe
   * integer. Arguments are checked before the call enters the component: an invalid one rejects with `RUNTIME_INVALID_ARGUMENT`
   * and does not end the component. A `result`'s error case rejects with a `ComponentError` that carries the payload. The call is
   * a turn of its own and precedes waiting messages.
   */
  abstract call(target: ComponentHandle, what: CallTarget, ...args: readonly unknown[]): Promise<unknown>;

  /**
   * Binds a component's exports to an object whose functions are `runtime.call`s, with types that `viv types` writes:
   * `const shop = runtime.bind<World>(handle); await shop.carts.cart(5)`. Names are camelCase. An interface is an object under its
   * whole name and, where only one has it, under its own name; a resource is the function that constructs one, with its static
   * functions as properties. The exports are those at the time of the call of `bind`; each call finds the version that then runs.
   * @throws `RUNTIME_NOT_FOUND`, `RUNTIME_CLOSED`
   */
  abstract bind<World extends object>(
    target: ComponentHandle,
    bounds?: Omit<Exclude<CallTarget, string>, 'name'>,
  ): World;

  /**
   * Runs a command, which is a component that exports `wasi:cli/run`: loads it, runs it to its end and unloads it. Returns the
   * exit code: the one with which it exited, 1 if `run` returned its error, 0 otherwise. The promise rejects if a budget, the
   * signal or a trap ended the command. @throws what `load` and `call` throw
   */
  abstract run(source: ComponentSource, options?: RunOptions): Promise<number>;

  /**
   * Has a component answer an HTTP request through its `wasi:http/incoming-handler`. The promise resolves when the component has
   * given the status and headers of its answer. The turn then goes on and streams the body as fast as the caller reads it.
   * Aborting the request's signal ends the turn if the turn has its own store (`per-call`) or if `cancel` is `turn`. `toResponse`
   * turns an error into a response.
   * @throws `MESSAGING_QUEUE_FULL` if too many requests wait, `RUNTIME_NO_RESPONSE`, `RUNTIME_NO_EXPORT`, `RUNTIME_NOT_FOUND`,
   * `RUNTIME_WRONG_STATE`, `RUNTIME_ABORTED`, and what ended the turn: `RUNTIME_…`, `METERING_…`
   */
  abstract fetch(target: ComponentHandle, request: Request, options?: FetchOptions): Promise<Response>;

  /**
   * Drops a resource that a component returned, in a turn of its own, and waits for its destructor. Does nothing if the resource
   * was already dropped or given away, or if its instance has ended. @throws `RUNTIME_INVALID_ARGUMENT` for anything
   * other than a resource, and what ended the turn: `RUNTIME_…`, `METERING_…`
   */
  abstract drop(resource: ComponentResource | (Disposable & AsyncDisposable)): Promise<void>;

  /**
   * Does the same as `call`, with the arguments as the text of one JSON array. 64-bit integers are decimal strings. For a float,
   * `"NaN"`, `"Infinity"` and `"-Infinity"` are accepted too.
   */
  abstract callJson(target: ComponentHandle, what: CallTarget, json: string): Promise<unknown>;

  /**
   * Describes the functions that a component exports: their names, their comments in WIT, and JSON Schemas of what `callJson` takes
   * and returns. @throws `RUNTIME_NOT_FOUND`, `RUNTIME_NO_EXPORT` if the component's types cannot be read
   */
  abstract exports(handle: ComponentHandle): readonly ExportInfo[];

  /** Returns what a component has used so far. @throws `RUNTIME_NOT_FOUND` */
  abstract usage(handle: ComponentHandle): ComponentUsage;

  /** Returns a component's state; `stopped` if it is no longer loaded. */
  abstract state(handle: ComponentHandle): ComponentState;

  /** Lists a component's present grants, each in its normal form. */
  abstract grants(handle: ComponentHandle): readonly string[];

  /** Adds grants to a loaded component. @throws `SECURITY_INVALID_GRANT`, `RUNTIME_NOT_FOUND` */
  abstract grant(handle: ComponentHandle, ...grants: readonly GrantInput[]): void;

  /**
   * Revokes a grant and all grants that were narrowed from it, from the next use on. Returns how many grants were written
   * like this one. @throws `SECURITY_INVALID_GRANT`
   */
  abstract revoke(handle: ComponentHandle, grant: GrantInput): number;

  /** Adds a listener. @returns a function that removes it */
  abstract on<E extends keyof RuntimeEvents>(event: E, listener: (detail: RuntimeEvents[E]) => void): () => void;

  /**
   * Adds an entry of the embedder's own to the audit log, such as who asked for a load. It is written later, and errors of writing
   * are a `warning`. Entries of one component that are refusals, failures or `manage:send` are folded when they repeat.
   */
  abstract audit(entry: AuditEntry): void;

  /** Counts what has happened to this runtime's messages. Every accepted message ends in exactly one of the counters. */
  abstract get messages(): Readonly<MessageCounters>;

  /** Returns a copy of the counters of the artifact cache, the registry and the messages. */
  abstract metrics(): RuntimeMetrics;

  /**
   * Describes the artifact cache on disk, and lists its first artifacts; undefined in a runtime that keeps artifacts in memory only.
   * Nothing is verified. @param limit the most artifacts; 1,000 by default @throws `CACHE_UNAVAILABLE`
   */
  abstract artifacts(limit?: number): Promise<CachedArtifacts | undefined>;

  /**
   * Lists the modules of the registry that the runtime was given, by id; undefined without one, or if it lists none. The records
   * are not checked. @throws `REGISTRY_…`
   */
  abstract modules(filter?: {
    readonly limit?: number;
    readonly after?: string;
  }): Promise<readonly ModuleRecord[] | undefined>;

  /** Lists the last messages that no actor handled, oldest first, with the reasons. */
  abstract deadLetters(): readonly DeadLetter[];

  /**
   * Ends a component: calls its `shutdown` and releases all that it holds. With `drain`, the component first handles the messages
   * in its mailbox and ends its HTTP requests. After `timeoutMs`, messages that are left become dead letters and requests end. @throws `RUNTIME_NOT_FOUND`
   */
  abstract unload(handle: ComponentHandle, options?: UnloadOptions): Promise<void>;

  /**
   * Makes a supervisor that `load` can name in `supervision.supervisor`. It restarts its children by its strategy. When it gives
   * up, its parent, if it has one, restarts it with all its children. @throws `SUPERVISION_INVALID`
   */
  abstract addSupervisor(name: string, options?: SupervisorOptions & { readonly parent?: string }): void;

  /**
   * Ends all components and the runtime. Calls that still wait end with `RUNTIME_CLOSED`. With `drain`, messages that are
   * already accepted are handled first, for at most `timeoutMs`.
   */
  abstract close(options?: UnloadOptions): Promise<void>;
  abstract [Symbol.asyncDispose](): Promise<void>;
}

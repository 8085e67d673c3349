import type { CacheOptions } from '#cache';
import type { ComponentHandle } from '#core';
import type { ResourceLimits } from '#core/limits';
import type { ArtifactBuilder, ArtifactCache } from '#core/ports/artifact';
import type { AuditLog } from '#core/ports/audit';
import type { Clock } from '#core/ports/clock';
import type { CallPath, Cancel, ComponentState, ComponentUsage, ReuseLimits, Scheduling } from '#core/ports/engine';
import type { ComponentLoader } from '#core/ports/loader';
import type { Meter } from '#core/ports/meter';
import type { NameService } from '#core/ports/network';
import type { Random } from '#core/ports/random';
import type { ModuleRegistry } from '#core/ports/registry';
import type { KeyValueStore } from '#core/ports/storage';
import type { Tracer } from '#core/ports/tracing';
import type { MailboxOptions, MessagingOptions, RequestOptions } from '#messaging';
import type { Preopens } from '#security/access';
import type { GrantInput, GrantPolicy, TrustPolicy } from '#security/authority';
import type { TrustedKeys } from '#security/signers';
import type { ActorSupervision, HealthOptions } from '#supervision';
import type { NextHandler } from './next-handler.ts';
import type { RequestBounds } from './request-gate.ts';
import type { StdioOptions } from './stdio.ts';

export type { MessagingOptions, RequestOptions };

/** Every port that an embedder may replace. */
export interface RuntimePorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Makes the tanks; its `version` is part of the engine profile. */
  readonly meter: Pick<Meter, 'version' | 'createTank'>;
  readonly builder: ArtifactBuilder;
  readonly cache: ArtifactCache;
  readonly keyValueStore: KeyValueStore;
  readonly loader: ComponentLoader;
  /** Fetches `registry:ID` sources: the `client` of `openRegistry`. */
  readonly registry: Pick<ModuleRegistry, 'fetch' | 'metrics' | 'list'>;
  readonly audit: AuditLog;
  readonly trustedKeys: TrustedKeys;
  /** Resolves the host names that components connect to; by default, the system's resolver does. */
  readonly names: NameService;
  /** Traces turns, messages and host calls: see `openTracer`. Nothing traces them by default. One that fails fails no call: a `warning` says so once. */
  readonly tracer: Tracer;
}

export interface RuntimeOptions {
  /** Limits of components that are loaded without limits of their own. */
  readonly limits?: ResourceLimits;
  /** Bytes of memory that all components of the runtime may have together; unlimited by default. */
  readonly maxTotalMemoryBytes?: number;
  /**
   * The largest size of a component in bytes, whether it comes from a path, bytes, a URL, a loader or the registry; 64 MiB by
   * default. A larger component is rejected with `RUNTIME_INVALID_COMPONENT`.
   */
  readonly maxComponentBytes?: number;
  /**
   * Linear memories that all components of the runtime may have together; 12,000 by default. V8 reserves 8 GiB of address space
   * for each, and the address space of a process holds about 16,300 of them.
   */
  readonly maxTotalMemories?: number;
  /** The folder in which the runtime finds components by id, as `<namespace>/<name>/<instance>.wasm`. */
  readonly components?: string;
  readonly storage?: {
    /** A SQLite file; in memory by default. */
    readonly path?: string;
    /** Bytes of keys and values that each component may store; 16 MiB by default. */
    readonly quotaBytes?: number;
  };
  /** Which components may run: `any` (the default), those that a trusted key `signed`, or those that a function accepts. */
  readonly trust?: TrustPolicy;
  /** Returns grants for a component in addition to those that `load` gives it. */
  readonly policy?: GrantPolicy;
  /** The folder of the trusted keys, the machine's secret and the audit log; `VIVARIUM_HOME` by default. */
  readonly home?: string;
  /** `file` keeps the audit log in `home`; `memory` (the default) keeps its last 10,000 entries. */
  readonly audit?: 'file' | 'memory';
  /** The place and the size of the artifact cache; `false` keeps artifacts in memory only. See `docs/cache.md`. */
  readonly cache?: CacheOptions | false;
  readonly messaging?: MessagingOptions;
  /**
   * `preemptive` (the default): a turn that computes gives the thread to other turns after each slice, which makes each message
   * slightly more expensive. `cooperative`: a turn keeps the thread until it ends or waits. See `docs/scheduling.md`.
   */
  readonly scheduling?: Scheduling;
  /** The length of a slice in milliseconds, and four times that of one beside other work of the event loop; 2 by default. */
  readonly sliceMs?: number;
  /** The number of turns that may wait for the host at a time; 10,000 by default. One more fails with `RUNTIME_WOULD_BLOCK`. */
  readonly maxWaitingTurns?: number;
  /**
   * The number of stacks of threads, and of calls between components, that may be suspended at a time; 16,384 by default. One more fails
   * with `RUNTIME_TOO_MANY_STACKS`. See `docs/scheduling.md` before you raise it.
   */
  readonly maxStacks?: number;
  /** With `false`, no turn of this runtime may wait: a turn that would have to wait fails with `RUNTIME_WOULD_BLOCK`. */
  readonly waiting?: boolean;
  /** Forces one call path for all components, for comparison. By default each takes the direct path if that is equivalent. */
  readonly calls?: CallPath;
  /**
   * Sets V8's flag `--experimental-wasm-branch-hinting` for the whole process, so that metered code runs faster on Node 24. Node 26
   * sets the flag itself. Off by default. See `docs/metering.md`.
   */
  readonly branchHints?: boolean;
  /** Parts to use instead of the built-in ones. */
  readonly overrides?: Partial<RuntimePorts>;
}

export interface LoadOptions extends StdioOptions {
  /** `namespace/name/instance`; by default `local/<file name>/<number>`. */
  readonly id?: string;
  readonly limits?: ResourceLimits;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /**
   * The digest that the component's bytes must have, as `sha256:` and 64 hex digits; other bytes are rejected with
   * `CACHE_DIGEST_MISMATCH`. With a digest, the bytes are read only if the artifact cache lacks the component: a warm start
   * needs neither the file nor the network.
   */
  readonly digest?: string;
  /** The component's grants, as `area:action:pattern`. Without a grant it may do nothing. */
  readonly grants?: readonly GrantInput[];
  /**
   * Host folders by the path under which the component finds them, as `{ '/data': './plugin-data' }`. Its grants decide what it
   * may do there (`filesystem:read:/data/**`).
   */
  readonly preopens?: Preopens;
  /** The content of the signature file, for a component that has no signature file beside it. */
  readonly signature?: Uint8Array | string;
  /** Bytes that the guest's `initialize` receives. */
  readonly config?: Uint8Array;
  /**
   * `per-call` gives every call a fresh store, in which nothing of earlier calls is left; `per-actor` keeps one store for all calls.
   * `per-actor` is the default, except for components that answer HTTP requests and are no actors, unless `concurrency` is more than 1
   * and they have asynchronous parts.
   */
  readonly store?: 'per-actor' | 'per-call';
  /**
   * With `per-actor`, how long one instance answers HTTP requests before a fresh one takes its place; without limits by default. Only
   * for components that are no actors.
   */
  readonly reuse?: ReuseLimits;
  /** `fuel` (the default) counts instructions exactly; `deadline` only bounds the time and is cheaper. */
  readonly metering?: 'fuel' | 'deadline';
  /** The runtime's by default. */
  readonly scheduling?: Scheduling;
  /**
   * Whether the functions of `imports` answer values and never promises. It is asked of the rare component alone that is called through
   * JavaScript, in which no turn can wait: such a component is refused where a function might answer a promise. `false` by default.
   */
  readonly importsAnswerAtOnce?: boolean;
  /**
   * What happens to the turn of a `request` or `call` whose `timeoutMs` has passed or whose signal is aborted. `answer` (the
   * default): the turn goes on, and its answer is dropped. `turn`: the turn ends at once, and the component's instance with it.
   */
  readonly cancel?: Cancel;
  /**
   * How many calls, HTTP requests and messages one instance serves side by side, at most 10,000; 1 by default, which is one at a time. It has an
   * effect on components with asynchronous parts that keep one instance (`per-actor`): a call begins while others wait. Each call has its
   * own fuel and time. A trap, or a budget that is used up, ends the instance and all its calls. See `docs/scheduling.md`.
   */
  readonly concurrency?: number;
  /**
   * Implements imports other than those of WASI and Vivarium, by interface name. Each interface holds its functions by their WIT
   * names (`get-HTTP-code`) or by jco's names (`getHttpCode`), and its resource classes in PascalCase.
   */
  readonly imports?: Readonly<Record<string, unknown>>;
  /**
   * Answers the HTTP requests that a middleware passes on, which imports `wasi:http/handler@0.3`: usually another component,
   * `(request) => runtime.fetch(service, request)`.
   */
  readonly next?: NextHandler;
  /** How much may wait in the mailbox: 1,000 messages and 16 MiB by default. Further messages are refused to their sender. */
  readonly mailbox?: MailboxOptions;
  /** How many HTTP requests the component answers at a time, and how many may wait: 32, or `concurrency` where that is more, and 128 by default. */
  readonly requests?: RequestBounds;
  /** Whether and how the component is restarted after a failure. Without this option it stays failed. */
  readonly supervision?: SupervisionOptions;
  readonly signal?: AbortSignal;
}

/** The options of another version of a component. An option that is left out keeps the last version's value. */
export interface ReplaceOptions extends Omit<LoadOptions, 'id' | 'mailbox' | 'supervision'> {
  /**
   * Milliseconds that the requests which the old version has begun have to end; 30,000 by default, and not kept for the next
   * replacement. What is left then ends with `RUNTIME_INSTANCE_ENDED`.
   */
  readonly timeoutMs?: number;
}

/** The present state of a loaded component. */
export interface LoadedComponentInfo {
  readonly id: string;
  readonly handle: ComponentHandle;
  readonly state: ComponentState;
  /** The digest of its bytes, as `sha256:` and 64 hex digits; undefined while it is loading. */
  readonly digest: string | undefined;
  /** The version that the component reports; undefined if it reports none. */
  readonly version: string | undefined;
  /** The limits that are in force. Fuel without a limit is undefined or Infinity. */
  readonly limits: Readonly<ResourceLimits>;
  readonly usage: ComponentUsage;
  /** What waits in the component's mailbox. */
  readonly mailbox: { readonly messages: number; readonly bytes: number };
  /** How many calls its instance serves side by side; 1 for a component without asynchronous parts. */
  readonly concurrency: number;
  /** The number of HTTP requests that the component is answering or that wait for it. */
  readonly requests: number;
}

export interface SupervisionOptions extends ActorSupervision {
  /** How many turns may begin with the same message, with restarts between them, before it becomes a dead letter; 1 by default. */
  readonly maxAttempts?: number;
  /** Calls the component's `health` regularly. Without this option it is never called. */
  readonly health?: HealthOptions;
}

export interface UnloadOptions {
  /** Whether the messages in the mailbox are handled first. */
  readonly drain?: boolean;
  /** Milliseconds that draining may take; 5,000 by default. */
  readonly timeoutMs?: number;
}

export const DEFAULT_REPLACE_TIMEOUT_MS: number = 30_000;
export const DEFAULT_STORAGE_QUOTA_BYTES: number = 16 * 2 ** 20;
export const DEFAULT_SLICE_MS: number = 2;
export const DEFAULT_MAX_WAITING_TURNS: number = 10_000;
/** Each suspended stack is two mappings, and Linux gives a process 65,530: these and the turns that wait take 52,768. */
export const DEFAULT_MAX_STACKS: number = 16_384;

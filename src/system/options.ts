import type { CacheOptions } from '#cache';
import type { ComponentHandle } from '#core';
import type { ResourceLimits } from '#core/limits';
import type { ArtifactBuilder, ArtifactCache } from '#core/ports/artifact';
import type { AuditLog } from '#core/ports/audit';
import type { Clock } from '#core/ports/clock';
import type { CallPath, Cancel, ComponentUsage, Scheduling } from '#core/ports/engine';
import type { ComponentLoader } from '#core/ports/loader';
import type { Meter } from '#core/ports/meter';
import type { NameService } from '#core/ports/network';
import type { Random } from '#core/ports/random';
import type { ModuleRegistry } from '#core/ports/registry';
import type { KeyValueStore } from '#core/ports/storage';
import type { MailboxOptions, MessagingOptions, RequestOptions } from '#messaging';
import type { ComponentState } from '#runtime';
import type { Preopens } from '#security/access';
import type { GrantInput, GrantPolicy, TrustPolicy } from '#security/authority';
import type { TrustedKeys } from '#security/signers';
import type { ActorSupervision, HealthOptions } from '#supervision';
import type { RequestBounds } from './request-gate.ts';
import type { StdioOptions } from './stdio.ts';

export type { MessagingOptions, RequestOptions };

/** Every port that an embedder may replace. */
export interface RuntimePorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Names the metering of what is built, and makes the tanks. */
  readonly meter: Pick<Meter, 'version' | 'createTank'>;
  readonly builder: ArtifactBuilder;
  readonly cache: ArtifactCache;
  readonly keyValueStore: KeyValueStore;
  readonly loader: ComponentLoader;
  /** What `registry:ID` is fetched from: the `client` of `openRegistry`. */
  readonly registry: Pick<ModuleRegistry, 'fetch' | 'metrics'>;
  readonly audit: AuditLog;
  readonly trustedKeys: TrustedKeys;
  /** Where the names that components connect to are looked up; the system's own by default. */
  readonly names: NameService;
}

export interface RuntimeOptions {
  /** Limits of components that are loaded without their own. */
  readonly limits?: ResourceLimits;
  /** Bytes over all components of the runtime; no total by default. */
  readonly maxTotalMemoryBytes?: number;
  /**
   * Bytes that a component may have, whichever way it comes in: a path, bytes, a URL, a loader, the registry; 64 MiB by
   * default. What is larger is `RUNTIME_INVALID_COMPONENT`.
   */
  readonly maxComponentBytes?: number;
  /**
   * Linear memories over all components of the runtime; 12,000 by default. V8 reserves 8 GiB of address space for each, of which a
   * process has room for about 16,300.
   */
  readonly maxTotalMemories?: number;
  /** The folder in which components are looked up by id, as `<namespace>/<name>/<instance>.wasm`. */
  readonly components?: string;
  readonly storage?: {
    /** A SQLite file; in memory by default. */
    readonly path?: string;
    /** Bytes of keys and values that each component may store; 16 MiB by default. */
    readonly quotaBytes?: number;
  };
  /** What may run at all: `any` (the default), what a trusted key `signed`, or what a function says. */
  readonly trust?: TrustPolicy;
  /** Grants for a component beside those that `load` gives it. */
  readonly policy?: GrantPolicy;
  /** Where trusted keys, the machine's secret and the audit log are; `VIVARIUM_HOME` by default. */
  readonly home?: string;
  /** `file` keeps the audit log in `home`; `memory` (the default) keeps its last 10,000 entries. */
  readonly audit?: 'file' | 'memory';
  /** The artifact cache: where it lies and how much it may hold; `false`: in memory only. See `docs/cache.md`. */
  readonly cache?: CacheOptions | false;
  readonly messaging?: MessagingOptions;
  /**
   * `preemptive` (the default): a turn that computes gives the thread to others after each slice, which costs each message a
   * little more. `cooperative`: it keeps the thread until it ends or waits. See `docs/scheduling.md`.
   */
  readonly scheduling?: Scheduling;
  /** Milliseconds of a slice; 2 by default. */
  readonly sliceMs?: number;
  /** Turns that may wait for the host at a time; 10,000 by default. One more ends in `RUNTIME_WOULD_BLOCK`. */
  readonly maxWaitingTurns?: number;
  /** `false`: no turn of this runtime waits; what would have to ends in `RUNTIME_WOULD_BLOCK`. */
  readonly waiting?: boolean;
  /** Forces one way into all components, for comparison; by default each is called directly wherever that is equivalent. */
  readonly calls?: CallPath;
  /**
   * Sets V8's flag `--experimental-wasm-branch-hinting` for the whole process: metered code runs faster on Node 24; Node 26
   * has it on. Off by default. See `docs/metering.md`.
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
   * `sha256:` and 64 hex digits, which the component's bytes must have (`CACHE_DIGEST_MISMATCH`). With it they are read where
   * the artifact cache has nothing of them only: a warm start needs neither the file nor the network.
   */
  readonly digest?: string;
  /** What it may do, as `area:action:pattern`; without any it may do nothing. */
  readonly grants?: readonly GrantInput[];
  /**
   * Folders of the host by the path under which it finds them, as `{ '/data': './plugin-data' }`; what it may do there, its
   * grants say (`filesystem:read:/data/**`).
   */
  readonly preopens?: Preopens;
  /** The content of its signature file, for bytes that do not come from a file beside which that lies. */
  readonly signature?: Uint8Array | string;
  /** Bytes that the guest's `initialize` receives. */
  readonly config?: Uint8Array;
  /**
   * `per-call` gives every call a fresh store; `per-actor` keeps one. `per-actor` is the default, except for components that export
   * `wasi:http/incoming-handler` and are no actors.
   */
  readonly store?: 'per-actor' | 'per-call';
  /** `fuel` (the default) counts exactly; `deadline` bounds time only and is cheaper. */
  readonly metering?: 'fuel' | 'deadline';
  /** The runtime's by default. */
  readonly scheduling?: Scheduling;
  /**
   * What becomes of the turn of a `request` or `call` that is over its `timeoutMs`, or whose signal is aborted. `answer` (the
   * default): it goes on, and its answer is dropped. `turn`: it ends where it stands, and the component's instance with it.
   */
  readonly cancel?: Cancel;
  /**
   * What meets imports that are neither WASI's nor Vivarium's, by interface name; in it functions by their names in WIT
   * (`get-HTTP-code`) or as jco has them (`getHttpCode`), resource classes in PascalCase.
   */
  readonly imports?: Readonly<Record<string, unknown>>;
  /** What may wait for the component: 1,000 messages and 16 MiB by default; more is refused to its sender. */
  readonly mailbox?: MailboxOptions;
  /** How many HTTP requests the component answers at a time, and how many wait for it: 32 and 128 by default. */
  readonly requests?: RequestBounds;
  /** Whether and how the component is restarted when it fails; left out, it stays failed. */
  readonly supervision?: SupervisionOptions;
  readonly signal?: AbortSignal;
}

/** What another version of a component is loaded with, where that is not what the last one was loaded with. */
export type ReplaceOptions = Omit<LoadOptions, 'id' | 'mailbox' | 'supervision' | 'requests'>;

/** A loaded component, as it is now. */
export interface LoadedComponentInfo {
  readonly id: string;
  readonly handle: ComponentHandle;
  readonly state: ComponentState;
  /** What it says of itself; undefined where it says nothing. */
  readonly version: string | undefined;
  readonly usage: ComponentUsage;
  /** What waits for it. */
  readonly mailbox: { readonly messages: number; readonly bytes: number };
  /** HTTP requests that it answers, and that wait for it. */
  readonly requests: number;
}

export interface SupervisionOptions extends ActorSupervision {
  /** Turns that may begin with one message, restarts between them, before it is a dead letter; 1 by default. */
  readonly maxAttempts?: number;
  /** Asks the component's `health` regularly; left out, it is not asked. */
  readonly health?: HealthOptions;
}

export interface UnloadOptions {
  /** Handle what is in the mailbox first. */
  readonly drain?: boolean;
  /** Milliseconds that draining may take; 5,000 by default. */
  readonly timeoutMs?: number;
}

export const DEFAULT_STORAGE_QUOTA_BYTES: number = 16 * 2 ** 20;
export const DEFAULT_SLICE_MS: number = 2;
export const DEFAULT_MAX_WAITING_TURNS: number = 10_000;

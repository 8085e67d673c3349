import type { EffectiveLimits } from '#core/limits';
import type { OutgoingMessage } from '#core/messages';
import type { ComponentHandle } from '../handle.ts';
import type { HostContext } from './host-context.ts';
import type { MeteringMode } from './meter.ts';

/** A turn that ends now or, where its guest is suspended, later. */
export type Turn<T> = T | Promise<T>;

/** `per-actor`: one store for the component's life. `per-call`: a fresh one for every call. */
export type StorePolicy = 'per-actor' | 'per-call';

/** A component's bytes; or their digest, and how to read them where nothing is there that was made of them. */
export type GivenComponent = Uint8Array | { readonly digest: string; read(): Promise<Uint8Array> };

/**
 * `preemptive`: a turn that computes for long gives the thread to others in between. `cooperative`: it runs until it ends or
 * waits.
 */
export type Scheduling = 'preemptive' | 'cooperative';

/**
 * What becomes of a turn for whose answer its caller waits no more. `answer`: the turn goes on, and its answer is dropped.
 * `turn`: the turn ends, and its instance with it.
 */
export type Cancel = 'answer' | 'turn';

export interface EngineLoadRequest {
  readonly handle: ComponentHandle;
  readonly component: GivenComponent;
  /** Absolute path of the file that it was read from, where it was. */
  readonly origin?: string | undefined;
  /** Puts the places of its sources into a text that names those of its bundle, where they are known. */
  readonly toSources?: ((text: string) => string) | undefined;
  readonly limits: EffectiveLimits;
  readonly context: HostContext;
  readonly config: Uint8Array | undefined;
  /** `per-call` by default for a component that only answers HTTP requests, `per-actor` for others. */
  readonly store: StorePolicy | undefined;
  readonly metering: MeteringMode;
  readonly scheduling: Scheduling;
  readonly cancel: Cancel;
  /** What the embedder gives for imports that are neither WASI's nor ours, by interface name. */
  readonly imports: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal | undefined;
}

/** The way into a component: straight into its core modules, or through jco's generated glue. */
export type CallPath = 'direct' | 'glue';

/** What a component has used. Sums over its life, restarts included, and the last call's own. */
export interface ComponentUsage {
  readonly fuelConsumed: bigint;
  readonly executionTimeMs: number;
  /** Milliseconds that its turns have waited for the host, which are no part of `executionTimeMs`. */
  readonly waitingMs: number;
  /** Held when the last call ended. */
  readonly memoryBytes: number;
  readonly messagesHandled: number;
  readonly refusedGrowths: number;
  /** Whether its calls go straight into its core modules, or through jco's glue because it uses what that path does not cover. */
  readonly calls: CallPath;
  readonly last: { readonly fuelConsumed: bigint; readonly executionTimeMs: number };
}

/** Runs components. Every call is one turn; the caller keeps to one turn at a time for each handle. */
export interface RuntimeEngine {
  loadComponent(request: EngineLoadRequest): Promise<void>;
  /** Calls `shutdown` where there is one, and lets go of everything. */
  unloadComponent(handle: ComponentHandle, reason?: string): Promise<void>;
  /** Ends the instance of a component, if one is left, so that it can be restarted: it is `failed` then. */
  haltComponent(handle: ComponentHandle, reason: string): Promise<void>;
  /** A fresh store for a component that failed or was halted. */
  restartComponent(handle: ComponentHandle, reason: string): Promise<void>;
  /** `lifecycle.handle-message`: the reply's bytes, or undefined. @throws `RUNTIME_…`, `METERING_…` */
  callHandleMessage(handle: ComponentHandle, message: OutgoingMessage): Turn<Uint8Array | undefined>;
  /** `lifecycle.handle-callback`. @throws `RUNTIME_…`, `METERING_…` */
  callHandleCallback(handle: ComponentHandle, message: OutgoingMessage): Turn<void>;
  /** Any export of any world: `name`, or `ns:pkg/iface@v#func`. @throws `RUNTIME_…`, `METERING_…` */
  callExport(handle: ComponentHandle, name: string, args: readonly unknown[]): Turn<unknown>;
  usage(handle: ComponentHandle): ComponentUsage;
}

import type { VivariumError } from '#core/errors';
import type { EffectiveLimits } from '#core/limits';
import type { OutgoingMessage } from '#core/messages';
import type { Later } from '#core/waiting';
import type { ComponentHandle } from '../handle.ts';
import type { HostContext } from './host-context.ts';
import type { MeteringMode } from './meter.ts';
import type { ServedRequest } from './serving.ts';

/** A turn that ends now or, where its guest is suspended, later. */
export type Turn<T> = T | Promise<T>;

/** The same of a turn that handles a message or calls an export, whose caller is told of its end at once. */
export type MessageTurn<T> = Turn<T> | Later<T>;

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

/** How long one instance answers HTTP requests before a fresh one takes its place, between two requests. */
export interface ReuseLimits {
  /** The number of requests that one instance answers. */
  readonly maxRequests?: number;
  /** Milliseconds since the instance was made, after which it begins no request. */
  readonly maxAgeMs?: number;
  /** Milliseconds without a request, after which the instance begins no further one. */
  readonly maxIdleMs?: number;
}

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
  readonly reuse: ReuseLimits | undefined;
  readonly metering: MeteringMode;
  readonly scheduling: Scheduling;
  readonly cancel: Cancel;
  /** How many calls one instance serves side by side, if it has asynchronous parts; 1 for one at a time. */
  readonly concurrency: number;
  /** What the embedder gives for imports that are neither WASI's nor ours, by interface name. */
  readonly imports: Readonly<Record<string, unknown>>;
  /** Whether the embedder says that what it gives answers no promises. */
  readonly importsAnswerAtOnce: boolean;
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

/**
 * The state of a component. `handling` is `ready` while a turn runs, and `waiting` while a turn waits for the host.
 * `hibernated` is a reserved name: no component is ever in this state.
 */
export type ComponentState =
  | 'loading'
  | 'initializing'
  | 'ready'
  | 'handling'
  | 'waiting'
  | 'hibernated'
  | 'draining'
  | 'restarting'
  | 'failed'
  | 'stopped';

/** The state without what the turn is doing: a component whose turn runs or waits is `ready`. */
export type LifecyclePhase = Exclude<ComponentState, 'handling' | 'waiting' | 'hibernated'>;

/** Makes components and their versions. */
export interface EngineLoads {
  loadComponent(request: EngineLoadRequest): Promise<void>;
  /**
   * Replaces a running component by another version, once that is ready.
   * @param between runs its argument between two turns, or at once where calls that run may go on beside the new version
   * @param timeoutMs milliseconds that the requests of the old version have to end
   */
  replaceComponent(
    request: EngineLoadRequest,
    between: (swap: () => void, goOnBeside: boolean) => Promise<void>,
    timeoutMs: number,
  ): Promise<void>;
  /** Makes a fresh store for a component that failed or was halted. */
  restartComponent(handle: ComponentHandle, reason: string): Promise<void>;
}

/** Ends one call that runs, whose answer nobody wants. Returns false where it goes on, because the loader chose that. */
export type EndCall = (reason: VivariumError) => boolean;

/** Runs turns. Each call is one turn. The caller keeps to one turn at a time for each handle, or to `concurrency` calls, messages and requests. */
export interface EngineTurns {
  /** `lifecycle.handle-message`: the reply's bytes, or undefined. @throws `RUNTIME_…`, `METERING_…` */
  callHandleMessage(handle: ComponentHandle, message: OutgoingMessage): MessageTurn<Uint8Array | undefined>;
  /** `lifecycle.handle-callback`. @throws `RUNTIME_…`, `METERING_…` */
  callHandleCallback(handle: ComponentHandle, message: OutgoingMessage): MessageTurn<void>;
  /** `lifecycle.health`; undefined if the component is no actor. @throws `RUNTIME_…`, `METERING_…` */
  callHealth(handle: ComponentHandle): MessageTurn<string | undefined>;
  /**
   * Any export of any world: `name`, or `ns:pkg/iface@v#func`.
   * @param began is given, before the guest runs, what ends the call
   * @throws `RUNTIME_…`, `METERING_…`
   */
  callExport(
    handle: ComponentHandle,
    name: string,
    args: readonly unknown[],
    began?: (end: EndCall) => void,
  ): MessageTurn<unknown>;
  /** How many calls of exports may run side by side in one instance. */
  concurrency(handle: ComponentHandle): number;
  /** Answers an HTTP request. @param began is given, before the guest runs, what ends the turn. @throws `RUNTIME_…`, `METERING_…` */
  serve(
    handle: ComponentHandle,
    request: ServedRequest,
    began: (end: (reason: VivariumError) => Promise<void>) => void,
  ): Turn<unknown>;
  /** Drops resources that the embedder released, if there are any and the component takes turns. */
  dropResources(handle: ComponentHandle): MessageTurn<void>;
}

/** Ends turns, instances and components. */
export interface EngineEnds {
  /** Calls `shutdown` where there is one, and lets go of everything. */
  unloadComponent(handle: ComponentHandle, reason?: string): Promise<void>;
  /** Ends the instance of a component, if one is left, so that it can be restarted: it is `failed` then. */
  haltComponent(handle: ComponentHandle, reason: string): Promise<void>;
  /** Ends a message's turn that runs, whose answer nobody wants, if the component was loaded so. Returns whether it does. */
  giveUpTurn(handle: ComponentHandle, reason: VivariumError, message: OutgoingMessage): boolean;
}

/** Tells how components are. These do not wait, because the embedder asks for them without waiting. */
export interface EngineFacts {
  /** @throws `RUNTIME_NOT_FOUND` */
  lifecycle(handle: ComponentHandle): { readonly state: ComponentState; readonly phase: LifecyclePhase };
  /** The state of a component; `stopped` for one that is no longer loaded. */
  state(handle: ComponentHandle): ComponentState;
  /** Whether turns of the component may begin, or queue behind the one that runs. */
  takesTurns(handle: ComponentHandle): boolean;
  /** Whether a component answers requests side by side, each in its own store. */
  servesSideBySide(handle: ComponentHandle): boolean;
  /** Whether the engine ends a turn of a component once nobody waits for it any more. */
  endsUnwanted(handle: ComponentHandle): boolean;
  /** The error that says why a component takes no calls, or that it is not loaded. */
  refusal(handle: ComponentHandle): VivariumError;
  /** The limits that are in force. @throws `RUNTIME_NOT_FOUND` */
  limits(handle: ComponentHandle): EffectiveLimits;
  /** @throws `RUNTIME_NOT_FOUND` */
  usage(handle: ComponentHandle): ComponentUsage;
}

/** Runs components: what the composition root asks of an engine. */
export interface RuntimeEngine extends EngineLoads, EngineTurns, EngineEnds, EngineFacts {}

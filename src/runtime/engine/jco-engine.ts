import { type ComponentHandle, shownHandle } from '#core';
import { CoreError, type VivariumError } from '#core/errors';
import type { EffectiveLimits } from '#core/limits';
import type { OutgoingMessage } from '#core/messages';
import type { Clock } from '#core/ports/clock';
import type {
  ComponentState,
  ComponentUsage,
  EndCall,
  EngineLoadRequest,
  MessageTurn,
  RuntimeEngine,
  Turn,
} from '#core/ports/engine';
import type { ServedRequest } from '#core/ports/serving';
import { type ComponentMetadata, keptMetadata, metadataBytes } from '#runtime/actor';
import { argumentsFromJson, type ExportInfo } from '#runtime/exports';
import type { HostLinker } from '#runtime/host';
import { resolveImports } from '#runtime/host';
import type { ComponentLimiter, StoreManager } from '#runtime/store';
import {
  type EndTurn,
  type Lifecycle,
  LoadedComponent,
  reasonOf,
  type StateChange,
  type Store,
  whileStarting,
} from '#runtime/store';
import { RuntimeError } from '../errors.ts';
import { boundExports, type CallByName } from './bound-exports.ts';
import { CodeCache, type CodeCachePorts, loadAborted } from './code-cache.ts';
import { refuseToWait } from './glue-waits.ts';
import { refuseWithoutNext } from './next-handler.ts';
import { refuseToAnswerLess, servedOrEnded } from './replaced-version.ts';
import { StartingVersion } from './starting-version.ts';

export interface JcoEnginePorts extends CodeCachePorts {
  readonly linker: HostLinker;
  readonly stores: StoreManager;
  readonly limiter: ComponentLimiter;
  /** Whether the meter reads the same clock as its callers. */
  readonly sharesClock: boolean;
  /** Reads a monotonic clock, in milliseconds. */
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly onState: (change: StateChange) => void;
}

/** What this engine tells of components beyond the port: their types, and the object that runs one component's turns. */
export type DescribedComponents = Pick<
  JcoEngine,
  'argumentsFromJson' | 'boundExports' | 'exports' | 'metadata' | 'runnerOf'
>;

/**
 * Runs components on V8. jco transpiles a component, the meter rewrites its core modules, V8 compiles them once, and each store
 * instantiates them. The linker defines host functions once. The caller runs one turn at a time for each handle. A call may return a
 * promise, because its guest may be suspended.
 */
export class JcoEngine implements RuntimeEngine {
  readonly #ports: JcoEnginePorts;
  readonly #codes: CodeCache;
  readonly #components = new Map<bigint, LoadedComponent>();
  /** What versions that replaced others have told. */
  readonly #metadata = new WeakMap<LoadedComponent, ComponentMetadata | undefined>();

  constructor(ports: JcoEnginePorts) {
    this.#ports = ports;
    this.#codes = new CodeCache(ports);
  }

  async loadComponent(request: EngineLoadRequest): Promise<void> {
    const { handle } = request;
    const version = new StartingVersion(handle, this.#ports.onState, true);
    const { lifecycle } = version;
    try {
      await this.#started(request, lifecycle, (component) => {
        version.component = component;
        this.#components.set(handle.handleId, component);
      });
    } catch (error) {
      this.#components.delete(handle.handleId);
      if (version.component !== undefined) this.#ports.stores.end(version.component);
      request.context.stdio.close();
      if (lifecycle.can('fail')) lifecycle.move('fail', reasonOf(error));
      throw error;
    }
  }

  /**
   * Compiles a component and starts an instance of it.
   * @param made is called with the component before it starts
   */
  async #started(
    request: EngineLoadRequest,
    lifecycle: Lifecycle,
    made: (component: LoadedComponent) => void,
  ): Promise<LoadedComponent> {
    const { linker, limiter, sharesClock, clock } = this.#ports;
    const { signal } = request;
    const code = await this.#codes.get(request);
    if (signal?.aborted) throw loadAborted(signal);
    if (request.reuse !== undefined && code.lifecycle !== undefined) {
      const message =
        'reuse is for components that are no actors: what an actor keeps would be lost between two requests';
      // Unlike the checks of values, this one can be made only once the component is known.
      throw new CoreError('CORE_INVALID_OPTION', message);
    }
    if (request.concurrency > 1 && request.store === 'per-call') {
      const message = 'concurrency is for components that keep one instance: with per-call each call has its own';
      throw new CoreError('CORE_INVALID_OPTION', message);
    }
    const imports = resolveImports(code.imports, linker, request.imports);
    refuseWithoutNext(code.imports, imports, request);
    refuseToWait(code, imports, request.context.stdio, request.importsAnswerAtOnce);
    const budget = limiter.budget(request.limits);
    const open = (component: LoadedComponent): Turn<Store> => this.#open(component);
    const component = new LoadedComponent(request, {
      budget,
      lifecycle,
      code,
      imports,
      open,
      sharesClock,
      clock,
    });
    made(component);
    lifecycle.move('loaded', 'the component was compiled');
    await endingOn(signal, component, this.#start(component));
    return component;
  }

  async unloadComponent(handle: ComponentHandle, reason = 'unloaded'): Promise<void> {
    const component = this.#find(handle);
    if (component.lifecycle.can('drain')) component.lifecycle.move('drain', reason);
    this.#components.delete(handle.handleId);
    const why = await this.#shutDown(component, reason);
    component.context.network.release();
    component.context.stdio.close();
    if (component.lifecycle.can('stop')) component.lifecycle.move('stop', why);
  }

  /**
   * Starts a new version of a component beside the running one, and replaces the running one once the new version is ready and healthy.
   * If the new version fails, the running one stays. The old version still answers the requests that it has begun. The engine does not
   * call its `shutdown`, because anything that it released would now belong to the new version.
   * @param between runs its argument between two turns of the component, or while calls of it run
   * @param timeoutMs milliseconds that the requests of the old version have to end
   * @throws as `loadComponent`, and `RUNTIME_MISSING_EXPORT`
   */
  async replaceComponent(
    request: EngineLoadRequest,
    between: (swap: () => void, goOnBeside: boolean) => Promise<void>,
    timeoutMs: number,
  ): Promise<void> {
    const { handle } = request;
    const old = this.#find(handle);
    const version = new StartingVersion(handle, this.#ports.onState, false);
    try {
      const component = await this.#started(request, version.lifecycle, (made) => {
        version.component = made;
      });
      refuseToAnswerLess(old, component);
      await checkHealth(component);
      // Once it is in place, a turn of its own may run or wait, which another one must not enter.
      this.#metadata.set(component, await metadataOf(component));
      await between(() => {
        if (this.#components.get(handle.handleId) !== old) throw notLoaded(handle);
        component.countOn(old.usage());
        this.#components.set(handle.handleId, component);
        version.isTold = true;
      }, old.mayGoOnBeside);
    } catch (error) {
      const { component } = version;
      if (component?.store !== undefined) component.release(component.store);
      if (component !== undefined) this.#ports.stores.end(component);
      request.context.stdio.close();
      throw error;
    }
    await servedOrEnded(old, timeoutMs, this.#ports.clock);
    this.#ports.stores.end(old);
    const { store } = old;
    old.store = undefined;
    if (store !== undefined) old.release(store);
    old.context.network.release();
    old.context.stdio.close();
  }

  async haltComponent(handle: ComponentHandle, reason: string): Promise<void> {
    const component = this.#find(handle);
    const why = await this.#shutDown(component, reason);
    component.context.network.release();
    if (component.lifecycle.can('fail')) component.lifecycle.move('fail', why);
  }

  async restartComponent(handle: ComponentHandle, reason: string): Promise<void> {
    const component = this.#find(handle);
    component.lifecycle.move('restart', reason);
    component.context.network.release();
    try {
      component.lifecycle.move('loaded', 'the component is compiled');
      await this.#start(component);
    } catch (error) {
      if (component.lifecycle.can('fail')) component.lifecycle.move('fail', reasonOf(error));
      throw error;
    }
  }

  /**
   * Ends the turn that runs, whose answer nobody wants any more, if the component was loaded with `cancel: 'turn'`. Returns whether it
   * does. A suspended turn ends at once; any other ends after the host function that it has called.
   */
  giveUpTurn(handle: ComponentHandle, reason: VivariumError, message: OutgoingMessage): boolean {
    return this.#components.get(handle?.handleId)?.giveUpTurn(handle, reason, message) ?? false;
  }

  /** Returns the object that runs one component's turns, for callers that call it often. @throws `RUNTIME_NOT_FOUND` */
  runnerOf(handle: ComponentHandle): LoadedComponent {
    return this.#find(handle);
  }

  callHandleMessage(handle: ComponentHandle, message: OutgoingMessage): MessageTurn<Uint8Array | undefined> {
    return this.#find(handle).callHandleMessage(handle, message);
  }

  callHandleCallback(handle: ComponentHandle, message: OutgoingMessage): MessageTurn<void> {
    return this.#find(handle).callHandleCallback(handle, message);
  }

  callHealth(handle: ComponentHandle): MessageTurn<string | undefined> {
    return this.#find(handle).callHealth();
  }

  callExport(
    handle: ComponentHandle,
    name: string,
    args: readonly unknown[],
    began?: (end: EndCall) => void,
  ): MessageTurn<unknown> {
    return this.#find(handle).callExport(name, args, began);
  }

  /** How many calls of exports may run side by side in the component's instance; 1 for a component without asynchronous parts. */
  concurrency(handle: ComponentHandle): number {
    return this.#find(handle).concurrency;
  }

  /**
   * Runs a turn that answers an HTTP request through `wasi:http/handler` or `wasi:http/incoming-handler`.
   * @param began receives the function that ends the turn, before the guest runs
   * @throws `RUNTIME_…`, `METERING_…`
   */
  serve(handle: ComponentHandle, request: ServedRequest, began: (end: EndTurn) => void): Turn<unknown> {
    return this.#find(handle).serve((handler) => this.#ports.linker.findHandler(handler), request, began);
  }

  /** Whether a component answers requests side by side, each in its own store. */
  servesSideBySide(handle: ComponentHandle): boolean {
    return this.#find(handle).policy === 'per-call';
  }

  /** Whether the engine ends a turn of a component once nobody waits for it any more. */
  endsUnwanted(handle: ComponentHandle): boolean {
    return this.#components.get(handle?.handleId)?.endsUnwanted ?? false;
  }

  /** Whether turns of the component may begin, or queue behind the one that runs. */
  takesTurns(handle: ComponentHandle): boolean {
    return this.#components.get(handle?.handleId)?.takesTurns === true;
  }

  /** Runs a turn that drops resources which the embedder released, if there are any and the component takes turns. @throws as `callExport` */
  dropResources(handle: ComponentHandle): MessageTurn<void> {
    return this.#components.get(handle?.handleId)?.dropResources();
  }

  /** Makes an object of the component's exports, whose functions use `call`. @throws `RUNTIME_NOT_FOUND`, `RUNTIME_NO_EXPORT` */
  boundExports(handle: ComponentHandle, call: CallByName): object {
    return boundExports(this.#find(handle).code.exportIndex().functions, call);
  }

  /**
   * Reads the arguments of an export from a JSON array, by the parameter types of the export.
   * @throws `RUNTIME_NO_EXPORT`, `RUNTIME_INVALID_ARGUMENT`
   */

  argumentsFromJson(handle: ComponentHandle, name: string, json: string): readonly unknown[] {
    return argumentsFromJson(this.#find(handle).code.exportIndex().find(name), json);
  }

  /** Describes the functions that a component exports. @throws `RUNTIME_NOT_FOUND`, `RUNTIME_NO_EXPORT` if its types cannot be read */
  exports(handle: ComponentHandle): readonly ExportInfo[] {
    return this.#find(handle).code.exportIndex().infos;
  }

  /** Asks a ready component for its metadata. The host keeps at most a few KB of it and charges them to the store. */
  metadata(handle: ComponentHandle): Turn<ComponentMetadata | undefined> {
    const component = this.#find(handle);
    return this.#metadata.has(component) ? this.#metadata.get(component) : metadataOf(component);
  }

  /** The limits that are in force for a component. @throws `RUNTIME_NOT_FOUND` */
  limits(handle: ComponentHandle): EffectiveLimits {
    return this.#find(handle).limits;
  }

  usage(handle: ComponentHandle): ComponentUsage {
    return this.#find(handle).usage();
  }

  lifecycle(handle: ComponentHandle): Lifecycle {
    return this.#find(handle).lifecycle;
  }

  /** The state of a component; `stopped` for one that is no longer loaded. */
  state(handle: ComponentHandle): ComponentState {
    return this.#components.get(handle?.handleId)?.lifecycle.state ?? 'stopped';
  }

  /** The error that says why a component takes no calls, or that it is not loaded. */
  refusal(handle: ComponentHandle): RuntimeError {
    return this.#components.get(handle?.handleId)?.refusal() ?? notLoaded(handle);
  }

  /** Makes the store of a component that is initializing, and calls the guest's `initialize`. */
  async #start(component: LoadedComponent): Promise<void> {
    const store = await this.#open(component);
    if (component.policy === 'per-actor') component.store = store;
    else component.release(store);
    component.lifecycle.move('initialized', 'the component is ready');
  }

  #open(component: LoadedComponent): Turn<Store> {
    const store = this.#ports.stores.create(component);
    if (component.code.lifecycle === undefined) return store;
    const failed = (error: unknown): never => {
      component.release(store);
      throw whileStarting('initialize failed', error);
    };
    try {
      const done = component.initialize(store, configOf(component));
      return done instanceof Promise ? done.then(() => store, failed) : store;
    } catch (error) {
      return failed(error);
    }
  }

  /** Calls `shutdown` if there is a store, and releases the store. Returns the reason, with the error of `shutdown` if it failed. */
  async #shutDown(component: LoadedComponent, reason: string): Promise<string> {
    const { store } = component;
    component.store = undefined;
    this.#ports.stores.end(component);
    // A guest that is suspended in a call cannot run `shutdown`, so this ends the call and with it the store.
    await component.endTurn(
      new RuntimeError('RUNTIME_ABORTED', `the component was ended while a turn of it was suspended: ${reason}`),
    );
    if (store === undefined) return reason;
    try {
      if (store.dead) return reason;
      store.given?.dropAll();
      if (component.code.lifecycle !== undefined)
        await component.enterLifecycle(store, (lifecycle) => lifecycle.shutdown());
      else if (store.hasDrops) await component.enter(store, () => {}, undefined);
      return reason;
    } catch (error) {
      return `${reason}; shutdown failed: ${reasonOf(error)}`;
    } finally {
      component.release(store);
    }
  }

  #find(handle: ComponentHandle): LoadedComponent {
    const component = this.#components.get(handle?.handleId);
    if (component === undefined) throw notLoaded(handle);
    return component;
  }
}

/** Waits for a start, and ends it if it is suspended when the load's signal is aborted. */
async function endingOn(
  signal: AbortSignal | undefined,
  component: LoadedComponent,
  start: Promise<void>,
): Promise<void> {
  if (signal === undefined) return start;
  const end = (): void => void component.endTurn(loadAborted(signal));
  signal.addEventListener('abort', end, { once: true });
  try {
    await start;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** Asks a component for its metadata, in a turn of its own. */
function metadataOf(component: LoadedComponent): Turn<ComponentMetadata | undefined> {
  if (component.code.lifecycle === undefined) return undefined;
  const keep = (said: unknown): ComponentMetadata | undefined => {
    const kept = keptMetadata(said as ComponentMetadata);
    const account = component.store?.hostMemory;
    return account === undefined || account.take(metadataBytes(kept)) ? kept : undefined;
  };
  const said = component.callLifecycle((lifecycle) => lifecycle.metadata());
  return said instanceof Promise ? said.then(keep) : keep(said);
}

/** @throws {RuntimeError} `RUNTIME_INSTANTIATION_FAILED` if the component says that it is unhealthy; and any error of its `health` */
async function checkHealth(component: LoadedComponent): Promise<void> {
  if ((await component.callHealth()) !== 'unhealthy') return;
  throw new RuntimeError('RUNTIME_INSTANTIATION_FAILED', 'the new version says that it is unhealthy');
}

function notLoaded(handle: ComponentHandle): RuntimeError {
  const id = shownHandle(handle);
  return new RuntimeError('RUNTIME_NOT_FOUND', `no component ${id} is loaded`, { details: { id, component: id } });
}

/** The `component-config` that `initialize` takes. */
function configOf({ context, config, limits }: LoadedComponent): unknown {
  return {
    envVars: context.environment(),
    configData: config,
    resourceLimits: {
      maxMemoryBytes: BigInt(limits.maxMemoryBytes),
      maxExecutionTimeMs: Math.min(Math.ceil(limits.maxExecutionTimeMs), 2 ** 32 - 1),
      maxFuel: limits.maxFuel,
    },
  };
}

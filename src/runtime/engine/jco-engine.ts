import { type ComponentHandle, shownHandle } from '#core';
import type { VivariumError } from '#core/errors';
import type { OutgoingMessage } from '#core/messages';
import type { ComponentUsage, EngineLoadRequest, RuntimeEngine, Turn } from '#core/ports/engine';
import type { ServedRequest } from '#core/ports/serving';
import { type ComponentMetadata, keptMetadata, metadataBytes } from '#runtime/actor';
import { argumentsFromJson } from '#runtime/exports';
import type { HostLinker } from '#runtime/host';
import { resolveImports } from '#runtime/host';
import type { ComponentLimiter, StoreManager } from '#runtime/store';
import {
  type ComponentState,
  type EndTurn,
  Lifecycle,
  LoadedComponent,
  reasonOf,
  type StateChange,
  type Store,
  whileStarting,
} from '#runtime/store';
import { RuntimeError } from '../errors.ts';
import { CodeCache, type CodeCachePorts, loadAborted } from './code-cache.ts';

export interface JcoEnginePorts extends CodeCachePorts {
  readonly linker: HostLinker;
  readonly stores: StoreManager;
  readonly limiter: ComponentLimiter;
  /** Whether the meter reads the clock of whoever calls. */
  readonly sharesClock: boolean;
  readonly onState: (change: StateChange) => void;
}

/**
 * Runs components on V8: transpiled by jco, metered, compiled once, instantiated for each store. Host functions are
 * defined once, in the linker. Every call is synchronous; the caller keeps to one turn at a time for each handle.
 */
export class JcoEngine implements RuntimeEngine {
  readonly #ports: JcoEnginePorts;
  readonly #codes: CodeCache;
  readonly #components = new Map<bigint, LoadedComponent>();

  constructor(ports: JcoEnginePorts) {
    this.#ports = ports;
    this.#codes = new CodeCache(ports);
  }

  async loadComponent(request: EngineLoadRequest): Promise<void> {
    const { linker, limiter, onState, sharesClock } = this.#ports;
    const { handle, signal } = request;
    let loaded: LoadedComponent | undefined;
    const lifecycle = new Lifecycle(handle, onState, () => loaded?.activity ?? 'idle');
    try {
      const code = await this.#codes.get(request);
      if (signal?.aborted) throw loadAborted(signal);
      const imports = resolveImports(code.imports, linker, request.imports);
      const budget = limiter.budget(request.limits);
      const open = (component: LoadedComponent): Turn<Store> => this.#open(component);
      loaded = new LoadedComponent(request, budget, lifecycle, code, imports, open, sharesClock);
      this.#components.set(handle.handleId, loaded);
      lifecycle.move('loaded', 'the component was compiled');
      await endingOn(signal, loaded, this.#start(loaded));
    } catch (error) {
      this.#components.delete(handle.handleId);
      request.stdio.close();
      if (lifecycle.can('fail')) lifecycle.move('fail', reasonOf(error));
      throw error;
    }
  }

  async unloadComponent(handle: ComponentHandle, reason = 'unloaded'): Promise<void> {
    const component = this.#find(handle);
    if (component.lifecycle.can('drain')) component.lifecycle.move('drain', reason);
    this.#components.delete(handle.handleId);
    const why = await this.#shutDown(component, reason);
    component.stdio.close();
    if (component.lifecycle.can('stop')) component.lifecycle.move('stop', why);
  }

  /**
   * Starts another version of a component beside the one that runs, and puts it in its place once it is ready and healthy. When it
   * fails, the one that runs stays. The old one answers the requests that it has begun, and is not asked to shut down: what it gave up
   * would be the new one's.
   * @param between runs its argument between two turns of the component
   * @throws as `loadComponent`
   */
  async replaceComponent(request: EngineLoadRequest, between: (swap: () => void) => Promise<void>): Promise<void> {
    const { handle, signal } = request;
    const old = this.#find(handle);
    let loaded: LoadedComponent | undefined;
    let swapped = false;
    const onState = (change: StateChange): void => {
      if (swapped) this.#ports.onState(change);
    };
    const lifecycle = new Lifecycle(handle, onState, () => loaded?.activity ?? 'idle');
    try {
      const code = await this.#codes.get(request);
      if (signal?.aborted) throw loadAborted(signal);
      const { linker, limiter, sharesClock } = this.#ports;
      const imports = resolveImports(code.imports, linker, request.imports);
      const open = (component: LoadedComponent): Turn<Store> => this.#open(component);
      const version = new LoadedComponent(
        request,
        limiter.budget(request.limits),
        lifecycle,
        code,
        imports,
        open,
        sharesClock,
      );
      loaded = version;
      lifecycle.move('loaded', 'the component was compiled');
      await endingOn(signal, version, this.#start(version));
      await checkHealth(version);
      await between(() => {
        if (this.#components.get(handle.handleId) !== old) throw notLoaded(handle);
        version.countOn(old.usage());
        this.#components.set(handle.handleId, version);
        swapped = true;
      });
    } catch (error) {
      if (loaded?.store !== undefined) loaded.release(loaded.store);
      request.stdio.close();
      throw error;
    }
    await old.answered();
    const { store } = old;
    old.store = undefined;
    if (store !== undefined) old.release(store);
    old.stdio.close();
  }

  async haltComponent(handle: ComponentHandle, reason: string): Promise<void> {
    const component = this.#find(handle);
    const why = await this.#shutDown(component, reason);
    if (component.lifecycle.can('fail')) component.lifecycle.move('fail', why);
  }

  async restartComponent(handle: ComponentHandle, reason: string): Promise<void> {
    const component = this.#find(handle);
    component.lifecycle.move('restart', reason);
    try {
      component.lifecycle.move('loaded', 'the component is compiled');
      await this.#start(component);
    } catch (error) {
      if (component.lifecycle.can('fail')) component.lifecycle.move('fail', reasonOf(error));
      throw error;
    }
  }

  /**
   * Nobody wants the answer of the turn that runs any more. Answers whether that ends it: where it is loaded with `cancel: 'turn'`.
   * It ends at once where it is suspended, and otherwise behind the host function that it has called.
   */
  giveUpTurn(handle: ComponentHandle, reason: VivariumError): boolean {
    return this.#components.get(handle?.handleId)?.giveUpTurn(handle, reason) ?? false;
  }

  /** The turns of one component, to be kept by who calls it often. @throws `RUNTIME_NOT_FOUND` */
  runnerOf(handle: ComponentHandle): LoadedComponent {
    return this.#find(handle);
  }

  callHandleMessage(handle: ComponentHandle, message: OutgoingMessage): Turn<Uint8Array | undefined> {
    return this.#find(handle).callHandleMessage(handle, message);
  }

  callHandleCallback(handle: ComponentHandle, message: OutgoingMessage): Turn<void> {
    return this.#find(handle).callHandleCallback(handle, message);
  }

  callExport(handle: ComponentHandle, name: string, args: readonly unknown[]): Turn<unknown> {
    return this.#find(handle).callExport(name, args);
  }

  /**
   * A turn that answers an HTTP request, by `wasi:http/incoming-handler`.
   * @param began told how to end the turn, before the guest runs
   * @throws `RUNTIME_…`, `METERING_…`
   */
  serve(handle: ComponentHandle, request: ServedRequest, began: (end: EndTurn) => void): Turn<unknown> {
    const resources = (): readonly object[] => [
      Reflect.construct(this.#httpType('IncomingRequest'), [request]) as object,
      Reflect.construct(this.#httpType('ResponseOutparam'), [request]) as object,
    ];
    return this.#find(handle).serve(resources, began);
  }

  /** Whether requests of a component are answered side by side, each in a store of its own. */
  servesSideBySide(handle: ComponentHandle): boolean {
    return this.#find(handle).policy === 'per-call';
  }

  /** Whether a turn of a component ends for which nobody waits any more. */
  endsUnwanted(handle: ComponentHandle): boolean {
    return this.#components.get(handle?.handleId)?.endsUnwanted ?? false;
  }

  #httpType(name: string): new (request: ServedRequest) => object {
    return this.#ports.linker.find('wasi:http/types')?.[name] as new (
      request: ServedRequest,
    ) => object;
  }

  /** A turn for resources that the embedder let go, where any wait and the component takes turns. @throws as `callExport` */
  dropResources(handle: ComponentHandle): Turn<void> {
    return this.#components.get(handle?.handleId)?.dropResources();
  }

  /**
   * The arguments of an export that a JSON array says, by the types of its interface.
   * @throws `RUNTIME_NO_EXPORT`, `RUNTIME_INVALID_ARGUMENT`
   */
  argumentsFromJson(handle: ComponentHandle, name: string, json: string): readonly unknown[] {
    return argumentsFromJson(this.#find(handle).code.exportIndex().find(name), json);
  }

  /** What the component says of itself, asked once it is ready: a few KB of it, charged to its store. */
  metadata(handle: ComponentHandle): Turn<ComponentMetadata | undefined> {
    const component = this.#find(handle);
    if (component.code.lifecycle === undefined) return undefined;
    const keep = (said: unknown): ComponentMetadata | undefined => {
      const kept = keptMetadata(said as ComponentMetadata);
      const account = component.store?.hostMemory;
      return account === undefined || account.take(metadataBytes(kept)) ? kept : undefined;
    };
    const said = component.callLifecycle((lifecycle) => lifecycle.metadata());
    return said instanceof Promise ? said.then(keep) : keep(said);
  }

  usage(handle: ComponentHandle): ComponentUsage {
    return this.#find(handle).usage();
  }

  lifecycle(handle: ComponentHandle): Lifecycle {
    return this.#find(handle).lifecycle;
  }

  /** Where a component is in its life; `stopped` for one that is no longer there. */
  state(handle: ComponentHandle): ComponentState {
    return this.#components.get(handle?.handleId)?.lifecycle.state ?? 'stopped';
  }

  /** Why a component takes no calls, or is not there to take any. */
  refusal(handle: ComponentHandle): RuntimeError {
    return this.#components.get(handle?.handleId)?.refusal() ?? notLoaded(handle);
  }

  /** Makes the store of a component that is initializing and has it initialize itself. */
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

  /** Calls `shutdown` if there is an instance, and lets go of it; answers the reason with what went wrong in that. */
  async #shutDown(component: LoadedComponent, reason: string): Promise<string> {
    const { store } = component;
    component.store = undefined;
    // A guest that is suspended in a call cannot be asked to shut down: the call ends, and the store with it.
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

/** Ends a start that is suspended when the load's signal is aborted. */
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

/** @throws {RuntimeError} `RUNTIME_INSTANTIATION_FAILED` where a component says that it is unhealthy, and what its `health` ends with */
async function checkHealth(component: LoadedComponent): Promise<void> {
  const { lifecycle } = component.code;
  if (lifecycle === undefined) return;
  const status = await component.callExport(`${lifecycle}#health`, []);
  if (status !== 'unhealthy') return;
  throw new RuntimeError('RUNTIME_INSTANTIATION_FAILED', 'the new version says that it is unhealthy');
}

function notLoaded(handle: ComponentHandle): RuntimeError {
  const id = shownHandle(handle);
  return new RuntimeError('RUNTIME_NOT_FOUND', `no component ${id} is loaded`, { details: { id, component: id } });
}

/** `component-config` as `initialize` takes it. */
function configOf({ environment, config, limits }: LoadedComponent): unknown {
  return {
    envVars: environment(),
    configData: config,
    resourceLimits: {
      maxMemoryBytes: BigInt(limits.maxMemoryBytes),
      maxExecutionTimeMs: Math.min(Math.ceil(limits.maxExecutionTimeMs), 2 ** 32 - 1),
      maxFuel: limits.maxFuel,
    },
  };
}

import {
  type Artifact,
  type ArtifactBuilder,
  type ArtifactCache,
  type CallPath,
  type CompiledArtifact,
  type ComponentHandle,
  type ComponentMessage,
  type ComponentUsage,
  type EffectiveLimits,
  type EngineLoadRequest,
  formatComponentId,
  isVivariumError,
  type RuntimeEngine,
  type Turn,
} from '#core';
import { type ComponentCode, type ComponentExports, componentCode } from './component-code.ts';
import {
  type ComponentExport,
  findExport,
  type Lifecycle as LifecycleExports,
  lifecycleOf,
} from './component-exports.ts';
import { directComponent } from './direct/direct-component.ts';
import { RuntimeError } from './errors.ts';
import type { ComponentMetadata } from './host/services.ts';
import type { HostLinker } from './host-linker.ts';
import type { CurrentStore } from './host-state.ts';
import { resolveImports } from './imports.ts';
import { Lifecycle, type StateChange } from './lifecycle.ts';
import type { ComponentLimiter } from './limiter.ts';
import { LoadedComponent } from './loaded-component.ts';
import { type Store, whileStarting } from './store.ts';
import type { StoreManager } from './store-manager.ts';

export interface JcoEnginePorts {
  readonly builder: ArtifactBuilder;
  readonly cache: ArtifactCache;
  /** The engine profile's id, and the digest of a component's bytes. */
  readonly keyOf: (
    component: Uint8Array,
    request: EngineLoadRequest,
  ) => Promise<{ engineProfileId: string; wasmDigest: string }>;
  readonly current: CurrentStore;
  readonly linker: HostLinker;
  readonly stores: StoreManager;
  readonly limiter: ComponentLimiter;
  /** Forces one way into components, for comparison; by default direct wherever it is equivalent. */
  readonly calls?: CallPath | undefined;
  readonly onState: (change: StateChange) => void;
}

/**
 * Runs components on V8: transpiled by jco, metered, compiled once, instantiated for each store. Host functions are
 * defined once, in the linker. Every call is synchronous; the caller keeps to one turn at a time for each handle.
 */
export class JcoEngine implements RuntimeEngine {
  readonly #ports: JcoEnginePorts;
  readonly #components = new Map<bigint, LoadedComponent>();
  readonly #evaluated = new WeakMap<CompiledArtifact, ComponentCode>();

  constructor(ports: JcoEnginePorts) {
    this.#ports = ports;
  }

  async loadComponent(request: EngineLoadRequest): Promise<void> {
    const { linker, onState } = this.#ports;
    const { handle, signal } = request;
    const lifecycle = new Lifecycle(handle, onState);
    try {
      const code = await this.#code(request);
      if (signal?.aborted) throw aborted(signal);
      const imports = resolveImports(code.imports, linker, request.imports);
      const loaded = new LoadedComponent(request, lifecycle, code, imports);
      this.#components.set(handle.handleId, loaded);
      lifecycle.move('loaded', 'the component was compiled');
      this.#start(loaded);
    } catch (error) {
      this.#components.delete(handle.handleId);
      if (lifecycle.can('fail')) lifecycle.move('fail', reasonOf(error));
      throw error;
    }
  }

  async unloadComponent(handle: ComponentHandle, reason = 'unloaded'): Promise<void> {
    const component = this.#find(handle);
    if (component.lifecycle.can('drain')) component.lifecycle.move('drain', reason);
    this.#components.delete(handle.handleId);
    const why = this.#shutDown(component, reason);
    if (component.lifecycle.can('stop')) component.lifecycle.move('stop', why);
  }

  async haltComponent(handle: ComponentHandle, reason: string): Promise<void> {
    const component = this.#find(handle);
    const why = this.#shutDown(component, reason);
    if (component.lifecycle.can('fail')) component.lifecycle.move('fail', why);
  }

  async restartComponent(handle: ComponentHandle, reason: string): Promise<void> {
    const component = this.#find(handle);
    component.lifecycle.move('restart', reason);
    try {
      component.lifecycle.move('loaded', 'the component is compiled');
      this.#start(component);
    } catch (error) {
      if (component.lifecycle.can('fail')) component.lifecycle.move('fail', reasonOf(error));
      throw error;
    }
  }

  callHandleMessage(handle: ComponentHandle, message: ComponentMessage): Turn<Uint8Array | undefined> {
    const component = this.#ready(handle);
    const reply = this.#turn(component, (lifecycle) => lifecycle.handleMessage(message));
    component.countMessage();
    return reply;
  }

  callHandleCallback(handle: ComponentHandle, message: ComponentMessage): Turn<void> {
    const component = this.#ready(handle);
    this.#turn(component, (lifecycle) => lifecycle.handleCallback(message));
    component.countMessage();
  }

  callExport(handle: ComponentHandle, name: string, args: readonly unknown[]): Turn<unknown> {
    const component = this.#ready(handle);
    const target: ComponentExport = findExport(component.code, name);
    return this.#withStore(component, (store) => {
      // Found before the turn: a wrong name is the caller's mistake and must not cost the store.
      const run = target(store.exports);
      return this.#enter(component, store, () => run(...args));
    });
  }

  /** What the component says of itself, asked once it is ready. */
  metadata(handle: ComponentHandle): ComponentMetadata | undefined {
    const component = this.#ready(handle);
    return lifecycleOf(component.code) === undefined
      ? undefined
      : this.#turn(component, (lifecycle) => lifecycle.metadata() as ComponentMetadata);
  }

  usage(handle: ComponentHandle): ComponentUsage {
    return this.#find(handle).usage();
  }

  lifecycle(handle: ComponentHandle): Lifecycle {
    return this.#find(handle).lifecycle;
  }

  /** The component's code, built at most once: what the cache has was validated when it was built. */
  async #code(request: EngineLoadRequest): Promise<ComponentCode> {
    const { builder, cache, keyOf } = this.#ports;
    const { component, metering, signal } = request;
    const key = await keyOf(component, request);
    // The build is shared by all who ask for the component: it gets the cache's signal, not this caller's.
    const build = (stop?: AbortSignal): Promise<Artifact> => builder.build(component, metering, stop);
    const compiled = await cache.get(key, build, signal).catch((error: unknown) => {
      throw signal?.aborted ? aborted(signal) : error;
    });
    let code = this.#evaluated.get(compiled);
    if (code === undefined) {
      await breath();
      code = await this.#pathInto(component, compiled);
      this.#evaluated.set(compiled, code);
      await breath();
    }
    return code;
  }

  async #pathInto(component: Uint8Array, compiled: CompiledArtifact): Promise<ComponentCode> {
    const { calls, current } = this.#ports;
    const direct = calls === 'glue' ? 'is told to take the glue' : await directComponent(component, compiled, breath);
    if (typeof direct !== 'string') return direct;
    if (calls === 'direct') {
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be called directly: it ${direct}`);
    }
    return componentCode(compiled, (bytes) => current.state.lift(bytes));
  }

  /** Makes the store of a component that is initializing and has it initialize itself. */
  #start(component: LoadedComponent): void {
    const store = this.#open(component);
    if (component.policy === 'per-actor') component.store = store;
    else store.discard();
    component.lifecycle.move('initialized', 'the component is ready');
  }

  /** Calls `shutdown` if there is an instance, and lets go of it; answers the reason with what went wrong in that. */
  #shutDown(component: LoadedComponent, reason: string): string {
    const { store } = component;
    component.store = undefined;
    if (store === undefined || store.dead) return reason;
    try {
      this.#run(component, store, (lifecycle) => lifecycle.shutdown());
      return reason;
    } catch (error) {
      return `${reason}; shutdown failed: ${reasonOf(error)}`;
    } finally {
      store.discard();
    }
  }

  #open(component: LoadedComponent): Store {
    const store = this.#ports.stores.create(component, this.#budget(component.limits));
    component.account(store);
    if (lifecycleOf(component.code) === undefined) return store;
    try {
      this.#run(component, store, (lifecycle) => lifecycle.initialize(configOf(component)));
      return store;
    } catch (error) {
      store.discard();
      throw whileStarting('initialize failed', error);
    }
  }

  #turn<T>(component: LoadedComponent, call: (lifecycle: LifecycleExports) => T): T {
    return this.#withStore(component, (store) => this.#run(component, store, call));
  }

  #run<T>(component: LoadedComponent, store: Store, call: (lifecycle: LifecycleExports) => T): T {
    const find = lifecycleOf(component.code);
    if (find === undefined) {
      throw new RuntimeError(
        'RUNTIME_NO_EXPORT',
        `${formatComponentId(component.handle.id)} takes no messages: it does not export vivarium:actor/lifecycle; use call`,
      );
    }
    return this.#enter(component, store, (exports) => call(find(exports)));
  }

  /** One call into a store: its budget opened, its cost booked however it ends. */
  #enter<T>(component: LoadedComponent, store: Store, call: (exports: ComponentExports) => T): T {
    component.lifecycle.handling = true;
    try {
      return store.call(this.#budget(component.limits), call);
    } finally {
      component.lifecycle.handling = false;
      component.account(store);
    }
  }

  #withStore<T>(component: LoadedComponent, run: (store: Store) => T): T {
    if (component.policy === 'per-call') {
      const store = this.#open(component);
      try {
        return run(store);
      } finally {
        store.discard();
      }
    }
    const { store } = component;
    if (store === undefined) throw new RuntimeError('RUNTIME_WRONG_STATE', 'the component has no store');
    try {
      return run(store);
    } catch (error) {
      if (store.dead) this.#fail(component, error);
      throw error;
    }
  }

  #fail(component: LoadedComponent, error: unknown): void {
    component.store?.discard();
    component.store = undefined;
    if (component.lifecycle.can('fail')) component.lifecycle.move('fail', reasonOf(error));
  }

  #budget(limits: EffectiveLimits): ReturnType<ComponentLimiter['budget']> {
    return this.#ports.limiter.budget(limits);
  }

  #ready(handle: ComponentHandle): LoadedComponent {
    const component = this.#find(handle);
    const { state } = component.lifecycle;
    if (state !== 'ready' && state !== 'draining') {
      throw new RuntimeError('RUNTIME_WRONG_STATE', `${formatComponentId(handle.id)} is ${state} and takes no calls`, {
        details: { id: formatComponentId(handle.id), state },
      });
    }
    return component;
  }

  #find(handle: ComponentHandle): LoadedComponent {
    const component = this.#components.get(handle.handleId);
    if (component === undefined) {
      throw new RuntimeError('RUNTIME_NOT_FOUND', `no component ${formatComponentId(handle.id)} is loaded`, {
        details: { id: formatComponentId(handle.id) },
      });
    }
    return component;
  }
}

/** Lets timers and I/O run between two steps that each take milliseconds for a large component. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function aborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause: signal.reason });
}

function reasonOf(error: unknown): string {
  return isVivariumError(error) ? `${error.code}: ${error.message}` : String(error);
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

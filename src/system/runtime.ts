import type { DependencyContainer } from 'tsyringe';
import {
  type ComponentHandle,
  type ComponentMessage,
  type ComponentUsage,
  createHandle,
  HOST_ID,
  isReservedId,
  isVivariumError,
  parseComponentId,
  timestampOf,
} from '#core';
import { type ComponentState, type JcoEngine, RuntimeError } from '#runtime';
import { type ComponentSource, nameOf, readSource } from './component-source.ts';
import { TOKENS, wire } from './container.ts';
import type { Directory } from './directory.ts';
import type { RuntimeEvents } from './events.ts';
import type { LoadOptions, RequestOptions, RuntimeOptions } from './options.ts';

/** An export's name, or the name with what else the call needs. */
export type CallTarget = string | { readonly name: string; readonly signal?: AbortSignal };

/**
 * Hosts components. Every method may be called at any time; one component runs one turn at a time.
 * `await using runtime = await createRuntime()` closes it at the end of the block.
 */
export class Runtime implements AsyncDisposable {
  readonly #scope: DependencyContainer;
  readonly #engine: JcoEngine;
  readonly #directory: Directory;
  #lastMessageId = 0n;
  #unnamed = 0;
  #closing: Promise<void> | undefined;

  constructor(scope: DependencyContainer) {
    this.#scope = scope;
    this.#engine = scope.resolve(TOKENS.engine);
    this.#directory = scope.resolve(TOKENS.directory);
  }

  /**
   * Loads a component: finds its bytes, makes them ready for this engine (once; later loads take it from the cache),
   * instantiates it within its limits and calls its `initialize`.
   * @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_MISSING_IMPORT`, `RUNTIME_INSTANTIATION_FAILED`, `RUNTIME_NOT_FOUND`,
   * `RUNTIME_FETCH_FAILED`, `RUNTIME_ABORTED`, `METERING_…`, `CORE_INVALID_…`
   */
  async load(source: ComponentSource, options: LoadOptions = {}): Promise<ComponentHandle> {
    this.#open();
    options.signal?.throwIfAborted();
    const limits = this.#scope.resolve(TOKENS.limiter).applyLimits(options.limits);
    const handle = this.#reserve(options.id ?? this.#defaultId(source));
    try {
      const component = await readSource(source, this.#scope.resolve(TOKENS.loader), options.signal);
      await this.#engine.loadComponent({
        handle,
        component,
        limits,
        env: options.env ?? {},
        args: options.args ?? [],
        config: options.config,
        store: options.store ?? 'per-actor',
        metering: options.metering ?? 'fuel',
        imports: options.imports ?? {},
        signal: options.signal,
      });
      if (this.#closing !== undefined) {
        await this.#engine.unloadComponent(handle, 'the runtime was closed');
        throw closed();
      }
      return handle;
    } catch (error) {
      this.#directory.remove(handle);
      throw error;
    }
  }

  /** Sends a message and waits for the reply, which is undefined where the component answers none. */
  async request(
    target: ComponentHandle,
    payload: Uint8Array,
    options: RequestOptions = {},
  ): Promise<Uint8Array | undefined> {
    this.#open(options.signal);
    await undefined;
    this.#open(options.signal);
    return this.#engine.callHandleMessage(target, this.#message(payload));
  }

  /** Sends a message; the promise says that it was taken, not that it was handled. */
  async send(target: ComponentHandle, payload: Uint8Array): Promise<void> {
    this.#open();
    const message = this.#message(payload.slice());
    queueMicrotask(() => {
      try {
        void this.#engine.callHandleMessage(target, message);
      } catch (error) {
        if (!isVivariumError(error)) throw error;
      }
    });
  }

  /**
   * Calls any export of any world: `runtime.call(handle, 'add', 1, 2)`, an interface's as `ns:pkg/iface@v#func`.
   * Arguments and results are JavaScript values as jco maps them; a `result`'s error case rejects with a
   * `ComponentError` that carries the payload.
   */
  async call(target: ComponentHandle, what: CallTarget, ...args: readonly unknown[]): Promise<unknown> {
    const { name, signal } = typeof what === 'string' ? { name: what, signal: undefined } : what;
    this.#open(signal);
    await undefined;
    this.#open(signal);
    return this.#engine.callExport(target, name, args);
  }

  /** What a component has used so far. @throws `RUNTIME_NOT_FOUND` */
  usage(handle: ComponentHandle): ComponentUsage {
    return this.#engine.usage(handle);
  }

  /** Where a component is in its life; `stopped` for one that is no longer there. */
  state(handle: ComponentHandle): ComponentState {
    try {
      return this.#engine.lifecycle(handle).state;
    } catch (error) {
      if (isVivariumError(error, 'RUNTIME_NOT_FOUND')) return 'stopped';
      throw error;
    }
  }

  /** Listens; call what it answers to stop. */
  on<E extends keyof RuntimeEvents>(event: E, listener: (detail: RuntimeEvents[E]) => void): () => void {
    return this.#scope.resolve(TOKENS.events).on(event, listener);
  }

  /** Ends a component: its `shutdown` is called and everything of it is let go. @throws `RUNTIME_NOT_FOUND` */
  async unload(handle: ComponentHandle): Promise<void> {
    await this.#engine.unloadComponent(handle);
    this.#directory.remove(handle);
  }

  /** Ends every component and the runtime. Calls that still wait end with `RUNTIME_CLOSED`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const handle of this.#directory.handles().toReversed()) {
      this.#directory.remove(handle);
      await this.#engine.unloadComponent(handle, 'the runtime was closed').catch((error) => {
        if (!isVivariumError(error, 'RUNTIME_NOT_FOUND')) throw error;
      });
    }
    await this.#scope.resolve(TOKENS.builder).close();
    this.#scope.resolve(TOKENS.keyValueStore).close();
  }

  #open(signal?: AbortSignal): void {
    if (this.#closing !== undefined) throw closed();
    if (signal?.aborted) throw new RuntimeError('RUNTIME_ABORTED', 'the call was aborted', { cause: signal.reason });
  }

  #reserve(id: string): ComponentHandle {
    const parsed = parseComponentId(id);
    if (isReservedId(parsed)) {
      throw new RuntimeError(
        'RUNTIME_WRONG_STATE',
        `${id} is in the namespace that only the host may use; choose another`,
      );
    }
    const handle = createHandle(parsed);
    if (!this.#directory.add(handle)) {
      throw new RuntimeError(
        'RUNTIME_WRONG_STATE',
        `${id} is loaded already; unload it first or choose another instance`,
      );
    }
    return handle;
  }

  #defaultId(source: ComponentSource): string {
    this.#unnamed += 1;
    return `local/${nameOf(source)}/${this.#unnamed}`;
  }

  #message(payload: Uint8Array): ComponentMessage {
    this.#lastMessageId += 1n;
    const timestamp = timestampOf(this.#scope.resolve(TOKENS.clock).now());
    return { sender: HOST_ID, payload, metadata: { messageId: this.#lastMessageId, timestamp, headers: [] } };
  }
}

function closed(): RuntimeError {
  return new RuntimeError('RUNTIME_CLOSED', 'the runtime is closed');
}

/** Makes a runtime with embedded defaults: nothing to install, nothing to start. */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  return new Runtime(wire(options));
}

import type {
  ComponentAuthority,
  ComponentHandle,
  ComponentNetwork,
  ComponentUsage,
  EffectiveLimits,
  EngineLoadRequest,
  Preopen,
  StorePolicy,
} from '#core';
import type { ComponentCode } from './component-code.ts';
import { environmentOf } from './environment.ts';
import type { Environment } from './host-state.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Store } from './store.ts';

/** A component that an engine holds: its code, what it was loaded with, and what it has used so far. */
export class LoadedComponent {
  readonly handle: ComponentHandle;
  readonly code: ComponentCode;
  readonly imports: Readonly<Record<string, unknown>>;
  readonly limits: EffectiveLimits;
  readonly authority: ComponentAuthority;
  readonly environment: Environment;
  readonly args: readonly string[];
  readonly preopens: readonly Preopen[];
  readonly network: ComponentNetwork;
  readonly config: Uint8Array | undefined;
  readonly policy: StorePolicy;
  readonly lifecycle: Lifecycle;
  /** The actor's store; none with `per-call`, and none after a failure. */
  store: Store | undefined;
  #fuelConsumed = 0n;
  #executionTimeMs = 0;
  #messagesHandled = 0;
  #refusedGrowths = 0;
  #memoryBytes = 0;
  #last = { fuelConsumed: 0n, executionTimeMs: 0 };

  constructor(
    request: EngineLoadRequest,
    lifecycle: Lifecycle,
    code: ComponentCode,
    imports: Readonly<Record<string, unknown>>,
  ) {
    this.handle = request.handle;
    this.lifecycle = lifecycle;
    this.code = code;
    this.imports = imports;
    this.limits = request.limits;
    this.authority = request.authority;
    this.environment = environmentOf(request);
    this.args = request.args;
    this.preopens = request.preopens;
    this.network = request.network;
    this.config = request.config;
    this.policy = request.store;
  }

  /** Books the last call of a store, however it ended. */
  account(store: Store): void {
    const { callFuel, memoryBytes, refusedGrowths } = store.usage;
    this.#fuelConsumed += callFuel;
    this.#executionTimeMs += store.lastCallMs;
    this.#memoryBytes = memoryBytes;
    this.#refusedGrowths = refusedGrowths;
    this.#last.fuelConsumed = callFuel;
    this.#last.executionTimeMs = store.lastCallMs;
  }

  countMessage(): void {
    this.#messagesHandled += 1;
  }

  usage(): ComponentUsage {
    return {
      fuelConsumed: this.#fuelConsumed,
      executionTimeMs: this.#executionTimeMs,
      memoryBytes: this.#memoryBytes,
      messagesHandled: this.#messagesHandled,
      refusedGrowths: this.#refusedGrowths,
      calls: this.code.calls,
      last: { ...this.#last },
    };
  }
}

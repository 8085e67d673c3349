import { formatComponentId } from '#core';
import { Quota } from '#core/limits';
import type { Clock } from '#core/ports/clock';
import type { MemoryPool, Meter } from '#core/ports/meter';
import type { KeyValueStore } from '#core/ports/storage';
import type { Tracer } from '#core/ports/tracing';
import type { TurnScheduler } from '#runtime/execution';
import type { LogRecord } from '#runtime/host';
import type { ResourceCalls } from '#runtime/resources';
import type { LoadedComponent } from './loaded-component.ts';
import { Renewing } from './renewing.ts';
import { SpareInstances } from './spare-instances.ts';
import { Store, type StoreParts } from './store.ts';
import { TracedStore } from './traced-store.ts';

/** All stores of a runtime together may have this many files open; many systems allow a process no more than 1,024. */
const MAX_OPEN_FILES = 512;

export interface StoreManagerPorts {
  readonly meter: Pick<Meter, 'createTank'>;
  readonly pool: MemoryPool;
  readonly keyValueStore: KeyValueStore;
  /** Suspends and resumes the turns of the runtime. */
  readonly scheduler: TurnScheduler;
  readonly clock: Clock;
  readonly log: (record: LogRecord) => void;
  readonly resourceCalls: ResourceCalls;
  /** Traces turns; undefined if nobody does. */
  readonly tracer: Tracer | undefined;
}

/** Makes stores: one for an actor's life, or one for each call. */
export class StoreManager {
  readonly #ports: StoreManagerPorts;
  readonly #openFiles = new Quota(MAX_OPEN_FILES);
  readonly #spares: SpareInstances;

  constructor(ports: StoreManagerPorts) {
    this.#ports = ports;
    this.#spares = new SpareInstances(ports.clock);
    ports.pool.onShortage?.(() => this.#spares.clear());
  }

  /** Gives up what is kept for the next calls of a component, which takes none any more. */
  end(component: LoadedComponent): void {
    component.renewing?.end();
    component.renewing = undefined;
  }

  /** Makes a store and its core instances. @throws `RUNTIME_INSTANTIATION_FAILED`, `METERING_…` */
  create(component: LoadedComponent): Store {
    const { meter, pool, keyValueStore, scheduler, clock, log, resourceCalls, tracer } = this.#ports;
    const { handle, code, imports, context, limits, toSources } = component;
    if (component.policy === 'per-call' && code.reuse !== undefined) {
      component.renewing ??= new Renewing(this.#spares, pool);
    }
    const { renewing } = component;
    const instances = renewing?.take();
    const hostCalled = renewing?.hostCalled();
    const parts: StoreParts = {
      handle,
      code,
      imports,
      context,
      log,
      toSources,
      resourceCalls,
      scheduler,
      preemptive: component.preemptive,
      weight: limits.weight,
      clock,
      maxTurnTimeMs: limits.maxTurnTimeMs,
      concurrency: component.concurrency,
      graceMs: limits.maxExecutionTimeMs,
      tank: meter.createTank({
        maxMemoryBytes: limits.maxMemoryBytes,
        pool,
        scheduler: code.suspends ? scheduler : undefined,
        instances,
      }),
      renewing,
      hostCalled,
      openFiles: this.#openFiles,
      maxMemoryBytes: limits.maxMemoryBytes,
      openStorage: () => keyValueStore.open(formatComponentId(handle.id)),
    };
    const store = tracer === undefined ? new Store(parts) : new TracedStore(parts, tracer);
    try {
      store.instantiate(component.startBudget);
      if (instances === undefined) renewing?.made(parts.tank, hostCalled !== undefined);
      return store;
    } catch (error) {
      component.release(store);
      throw error;
    }
  }
}

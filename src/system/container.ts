import 'reflect-metadata';
import {
  container,
  type DependencyContainer,
  type FactoryFunction,
  type InjectionToken,
  instanceCachingFactory,
} from 'tsyringe';
import type { CacheManager, EngineProfiles } from '#cache';
import { messageOf } from '#core/errors';
import { roundEnd } from '#core/event-loop';
import { DEFAULT_MAX_COMPONENT_BYTES } from '#core/limits';
import type { ArtifactBuilder, ArtifactCache } from '#core/ports/artifact';
import type { AuditLog } from '#core/ports/audit';
import type { Clock } from '#core/ports/clock';
import type { ActorDirectory } from '#core/ports/directory';
import type { RuntimeEngine } from '#core/ports/engine';
import { guardedTracer } from '#core/ports/guarded-tracer';
import type { ComponentLoader } from '#core/ports/loader';
import type { Tank } from '#core/ports/meter';
import type { Random } from '#core/ports/random';
import type { KeyValueStore } from '#core/ports/storage';
import type { Tracer } from '#core/ports/tracing';
import { GuestMessaging, HostMessaging, messageLane, Router } from '#messaging';
import { fuelLane, tanks } from '#metering/tank';
import {
  ChildBuilder,
  ComponentLimiter,
  type DescribedComponents,
  execution,
  JcoEngine,
  RuntimeError,
  registerHostFunctions,
  StoreManager,
  TurnScheduler,
} from '#runtime';
import { ChainComponentLoader, FileComponentLoader } from '#runtime/loaders';
import { MachineSecret, TrustStore, vivariumHome } from '#security/keys';
import type { TrustedKeys } from '#security/signers';
import { SqliteKeyValueStore } from '#storage';
import { ActorSupervisor } from './actor-supervisor.ts';
import { Admission } from './admission.ts';
import { createArtifactCache } from './artifact-cache.ts';
import { auditFolder, openAudit, recordLives } from './audit.ts';
import { buildProgram } from './build-program.ts';
import { systemClock, systemRandom } from './clock.ts';
import { Directory } from './directory.ts';
import { artifactKeys, engineProfiles } from './engine-profile.ts';
import { RuntimeEmitter, type RuntimeEvents } from './events.ts';
import { ExportCalls } from './export-calls.ts';
import { Fetching } from './fetching.ts';
import {
  DEFAULT_MAX_STACKS,
  DEFAULT_MAX_WAITING_TURNS,
  DEFAULT_SLICE_MS,
  DEFAULT_STORAGE_QUOTA_BYTES,
  type RuntimeOptions,
  type RuntimePorts,
} from './options.ts';

/** Makes a token that keeps the type of the part it stands for. */
function token<T>(name: string): InjectionToken<T> {
  return Symbol(name);
}

const TOKENS = {
  clock: token<Clock>('Clock'),
  random: token<Random>('Random'),
  meter: token<RuntimePorts['meter']>('Meter'),
  builder: token<ArtifactBuilder>('ArtifactBuilder'),
  cache: token<ArtifactCache>('ArtifactCache'),
  /** The built-in cache, which the runtime closes. `cache` may be a part of the embedder's instead. */
  artifactCache: token<CacheManager>('CacheManager'),
  profiles: token<EngineProfiles>('EngineProfiles'),
  keyValueStore: token<KeyValueStore>('KeyValueStore'),
  loader: token<ComponentLoader>('ComponentLoader'),
  registry: token<RuntimePorts['registry']>('ModuleRegistry'),
  directory: token<Directory>('ActorDirectory'),
  events: token<RuntimeEmitter>('RuntimeEvents'),
  limiter: token<ComponentLimiter>('ComponentLimiter'),
  maxComponentBytes: token<number>('maxComponentBytes'),
  engine: token<RuntimeEngine & DescribedComponents>('RuntimeEngine'),
  audit: token<AuditLog>('AuditLog'),
  trustedKeys: token<TrustedKeys>('TrustedKeys'),
  admission: token<Admission>('Admission'),
  router: token<Router>('Router'),
  host: token<HostMessaging>('HostMessaging'),
  supervisor: token<ActorSupervisor>('ActorSupervisor'),
  exportCalls: token<ExportCalls>('ExportCalls'),
  fetching: token<Fetching>('Fetching'),
} as const;

/** The parts of one runtime. Each is made when it is first read. */
export type Parts = {
  readonly [Name in keyof typeof TOKENS]: (typeof TOKENS)[Name] extends InjectionToken<infer Part> ? Part : never;
};

/** Resolves a part at its first use and then answers it, because a look-up costs as much as the rest of a small step of a request. */
function later<T>(c: DependencyContainer, part: InjectionToken<T>): () => T {
  let resolved: T | undefined;
  return () => {
    resolved ??= c.resolve(part);
    return resolved;
  };
}

function partsOf(scope: DependencyContainer): Parts {
  const parts = {};
  for (const [name, key] of Object.entries(TOKENS)) {
    Object.defineProperty(parts, name, { get: () => scope.resolve(key as InjectionToken), enumerable: true });
  }
  return parts as Parts;
}

const NO_REGISTRY: RuntimePorts['registry'] = {
  fetch: async () => {
    throw new RuntimeError(
      'RUNTIME_NOT_FOUND',
      'this runtime has no registry; give createRuntime({ overrides: { registry } }) the client of openRegistry()',
    );
  },
};

/**
 * Joins the parts of one runtime. Each runtime has its own child container, so two runtimes in a process share nothing.
 * A part that the embedder gives in `overrides` replaces the built-in part.
 */
export function wire(options: RuntimeOptions): Parts {
  const scope = container.createChildContainer();
  const { overrides = {} } = options;
  const provide = <T>(key: InjectionToken<T>, make: FactoryFunction<T>, given?: T): void => {
    if (given === undefined) scope.register(key, { useFactory: instanceCachingFactory(make) });
    else scope.register(key, { useValue: given });
  };

  provide(TOKENS.clock, () => systemClock, overrides.clock);
  provide(TOKENS.random, () => systemRandom, overrides.random);
  provide(TOKENS.meter, () => tanks, overrides.meter);
  provide(TOKENS.profiles, (c) => engineProfiles(c.resolve(TOKENS.meter), c.resolve(TOKENS.builder)));
  provide(TOKENS.artifactCache, (c) => artifactCache(c, options));
  provide(TOKENS.cache, (c) => c.resolve(TOKENS.artifactCache), overrides.cache);
  provide(TOKENS.keyValueStore, () => new SqliteKeyValueStore(options.storage?.path), overrides.keyValueStore);
  provide(TOKENS.registry, () => NO_REGISTRY, overrides.registry);
  provide(TOKENS.events, () => new RuntimeEmitter());
  provide(TOKENS.directory, () => new Directory());
  const maxComponentBytes = options.maxComponentBytes ?? DEFAULT_MAX_COMPONENT_BYTES;
  provide(TOKENS.maxComponentBytes, () => maxComponentBytes);
  provide(
    TOKENS.limiter,
    () => new ComponentLimiter(options.limits, options.maxTotalMemoryBytes, options.maxTotalMemories),
  );
  provide(
    TOKENS.loader,
    () =>
      new ChainComponentLoader(
        options.components === undefined ? [] : [new FileComponentLoader(options.components, maxComponentBytes)],
      ),
    overrides.loader,
  );
  provide(
    TOKENS.builder,
    (c) => {
      const clock = c.resolve(TOKENS.clock);
      return new ChildBuilder({ program: buildProgram(), clock, alwaysGlue: options.calls === 'glue' });
    },
    overrides.builder,
  );
  const home = (): string => options.home ?? vivariumHome();
  provide(TOKENS.audit, (c) => audit(c, options.audit ?? 'memory', home), overrides.audit);
  provide(TOKENS.trustedKeys, (c) => new TrustStore(home(), c.resolve(TOKENS.clock)), overrides.trustedKeys);
  provide(TOKENS.admission, (c) => admission(c, options));
  provide(TOKENS.router, (c) => router(c, options));
  provide(
    TOKENS.supervisor,
    (c) =>
      new ActorSupervisor({
        engine: c.resolve(TOKENS.engine),
        router: c.resolve(TOKENS.router),
        directory: c.resolve(TOKENS.directory),
        admission: c.resolve(TOKENS.admission),
        events: c.resolve(TOKENS.events),
        clock: c.resolve(TOKENS.clock),
        random: c.resolve(TOKENS.random),
      }),
  );
  provide(
    TOKENS.host,
    (c) =>
      new HostMessaging(c.resolve(TOKENS.router), {
        aborted: (signal) => new RuntimeError('RUNTIME_ABORTED', 'the request was aborted', { cause: signal.reason }),
        unusable: (handle) => c.resolve(TOKENS.engine).refusal(handle),
      }),
  );
  provide(TOKENS.engine, (c) => engine(c, options));
  // The engine's resources call ExportCalls and it calls the engine. It resolves the engine only at a call, which breaks this cycle.
  provide(
    TOKENS.exportCalls,
    (c) =>
      new ExportCalls({
        engine: later(c, TOKENS.engine),
        router: later(c, TOKENS.router),
        supervisor: later(c, TOKENS.supervisor),
        clock: later(c, TOKENS.clock),
      }),
  );
  provide(
    TOKENS.fetching,
    (c) =>
      new Fetching({
        engine: later(c, TOKENS.engine),
        router: later(c, TOKENS.router),
        supervisor: later(c, TOKENS.supervisor),
        clock: later(c, TOKENS.clock),
      }),
  );
  return partsOf(scope);
}

function artifactCache(c: DependencyContainer, options: RuntimeOptions): CacheManager {
  const events = c.resolve(TOKENS.events);
  return createArtifactCache(options.cache ?? {}, {
    builder: c.resolve(TOKENS.builder),
    profiles: c.resolve(TOKENS.profiles),
    clock: c.resolve(TOKENS.clock),
    random: c.resolve(TOKENS.random),
    home: options.home,
    onTrouble: (error) => events.emit('cache', { error }),
  });
}

/** Lets what was left to the end of a round go before a slice of a turn. */
function afterRound(task: () => void): void {
  roundEnd.run();
  task();
}

function engine(c: DependencyContainer, options: RuntimeOptions): Parts['engine'] {
  for (const lane of [fuelLane, messageLane]) execution.join(lane);
  const clock = c.resolve(TOKENS.clock);
  const events = c.resolve(TOKENS.events);
  const limiter = c.resolve(TOKENS.limiter);
  const directory: ActorDirectory = c.resolve(TOKENS.directory);
  const meter = c.resolve(TOKENS.meter);
  const builder = c.resolve(TOKENS.builder);
  const keyOf = artifactKeys(c.resolve(TOKENS.profiles));
  const sharesClock = options.overrides?.clock === undefined && options.overrides?.meter === undefined;
  const scheduler = new TurnScheduler({
    execution,
    sliceMs: options.sliceMs ?? DEFAULT_SLICE_MS,
    maxWaitingTurns: options.waiting === false ? 0 : (options.maxWaitingTurns ?? DEFAULT_MAX_WAITING_TURNS),
    maxStacks: options.maxStacks ?? DEFAULT_MAX_STACKS,
    now: () => clock.monotonic(),
    ...(sharesClock && { switchedAt: (tank: Tank) => tank.switchedAt }),
    soon: (task) => setImmediate(afterRound, task),
  });
  const linker = registerHostFunctions({
    clock,
    random: c.resolve(TOKENS.random),
    directory,
    metadataOf: (id) => {
      const handle = directory.find(id);
      return handle === undefined ? undefined : c.resolve(TOKENS.directory).metadata(handle);
    },
    router: new GuestMessaging(c.resolve(TOKENS.router)),
    storageQuotaBytes: options.storage?.quotaBytes ?? DEFAULT_STORAGE_QUOTA_BYTES,
    isTraced: options.overrides?.tracer !== undefined,
  });
  const emit =
    <E extends keyof RuntimeEvents>(event: E) =>
    (detail: RuntimeEvents[E]): void => {
      events.emit(event, detail);
    };
  return new JcoEngine({
    builder,
    cache: c.resolve(TOKENS.cache),
    keyOf: (component, request) => keyOf(component, request.metering),
    linker,
    limiter,
    sharesClock,
    clock,
    scheduler,
    waits: options.waiting !== false,
    storageWaits: c.resolve(TOKENS.keyValueStore).answersLater === true,
    stores: new StoreManager({
      scheduler,
      clock,
      meter,
      pool: limiter,
      keyValueStore: c.resolve(TOKENS.keyValueStore),
      log: emit('log'),
      resourceCalls: c.resolve(TOKENS.exportCalls),
      tracer: guardedTracerOf(options, events),
    }),
    calls: options.calls,
    onState: emit('state'),
  });
}

/** A tracer that fails costs its spans and a warning, and no call. */
function guardedTracerOf({ overrides }: RuntimeOptions, events: RuntimeEmitter): Tracer | undefined {
  const { tracer } = overrides ?? {};
  return (
    tracer &&
    guardedTracer(tracer, (cause) => {
      events.emit('warning', { message: `the tracer failed, and spans are missing: ${messageOf(cause)}`, cause });
    })
  );
}

function audit(c: DependencyContainer, kind: 'file' | 'memory', home: () => string): AuditLog {
  const [clock, events] = [c.resolve(TOKENS.clock), c.resolve(TOKENS.events)];
  const folder = () => auditFolder(home(), new MachineSecret(home(), c.resolve(TOKENS.random)), clock);
  return openAudit(kind, folder, clock, events);
}

function admission(c: DependencyContainer, { trust = 'any', policy, overrides = {} }: RuntimeOptions): Admission {
  const [audit, events] = [c.resolve(TOKENS.audit), c.resolve(TOKENS.events)];
  recordLives(audit, events);
  return new Admission({
    clock: c.resolve(TOKENS.clock),
    audit,
    keys: c.resolve(TOKENS.trustedKeys),
    trust,
    policy,
    onDenied: (denial) => events.emit('denied', denial),
    names: overrides.names,
  });
}

/** The engine needs the router for host functions, and the router needs the engine for turns. It resolves the engine at the first turn. */
function router(c: DependencyContainer, options: RuntimeOptions): Router {
  const events = c.resolve(TOKENS.events);
  const engine = later(c, TOKENS.engine);
  return new Router({
    clock: c.resolve(TOKENS.clock),
    random: c.resolve(TOKENS.random),
    engine: {
      callHandleMessage: (handle, message) => engine().callHandleMessage(handle, message),
      callHandleCallback: (handle, message) => engine().callHandleCallback(handle, message),
      runnerOf: (handle) => engine().runnerOf(handle),
    },
    authority: c.resolve(TOKENS.admission),
    supervisor: { failed: (handle, reason) => c.resolve(TOKENS.supervisor).failed(handle, reason) },
    onDeadLetter: (letter) => events.emit('dead-letter', letter),
    isTraced: options.overrides?.tracer !== undefined,
    ...options.messaging,
  });
}

import 'reflect-metadata';
import {
  container,
  type DependencyContainer,
  type FactoryFunction,
  type InjectionToken,
  instanceCachingFactory,
} from 'tsyringe';
import type {
  ActorDirectory,
  ArtifactBuilder,
  ArtifactCache,
  Clock,
  ComponentLoader,
  KeyValueStore,
  Meter,
  Random,
} from '#core';
import { GuestMessaging, HostMessaging, Router } from '#messaging';
import { meter } from '#metering';
import {
  ChainComponentLoader,
  ChildBuilder,
  ComponentLimiter,
  CurrentStore,
  FileComponentLoader,
  JcoEngine,
  RuntimeError,
  registerHostFunctions,
  StoreManager,
} from '#runtime';
import { SqliteKeyValueStore } from '#storage';
import { ActorSupervisor } from './actor-supervisor.ts';
import { artifactKeyOf } from './artifact-key.ts';
import { systemClock, systemRandom } from './clock.ts';
import { Directory } from './directory.ts';
import { RuntimeEmitter, type RuntimeEvents } from './events.ts';
import { MemoryArtifactCache } from './memory-artifact-cache.ts';
import { DEFAULT_STORAGE_QUOTA_BYTES, type RuntimeOptions } from './options.ts';

/** A token that keeps the type of what it stands for. */
function token<T>(name: string): InjectionToken<T> {
  return Symbol(name);
}

export const TOKENS = {
  clock: token<Clock>('Clock'),
  random: token<Random>('Random'),
  meter: token<Meter>('Meter'),
  builder: token<ArtifactBuilder>('ArtifactBuilder'),
  cache: token<ArtifactCache>('ArtifactCache'),
  keyValueStore: token<KeyValueStore>('KeyValueStore'),
  loader: token<ComponentLoader>('ComponentLoader'),
  directory: token<Directory>('ActorDirectory'),
  events: token<RuntimeEmitter>('RuntimeEvents'),
  limiter: token<ComponentLimiter>('ComponentLimiter'),
  engine: token<JcoEngine>('RuntimeEngine'),
  router: token<Router>('Router'),
  host: token<HostMessaging>('HostMessaging'),
  supervisor: token<ActorSupervisor>('ActorSupervisor'),
} as const;

/**
 * Joins the parts of one runtime. Each runtime has a child container of its own, so two in a process share nothing.
 * What the embedder gives in `overrides` takes the place of the built-in part.
 */
export function wire(options: RuntimeOptions): DependencyContainer {
  const scope = container.createChildContainer();
  const { overrides = {} } = options;
  const provide = <T>(key: InjectionToken<T>, make: FactoryFunction<T>, given?: T): void => {
    if (given === undefined) scope.register(key, { useFactory: instanceCachingFactory(make) });
    else scope.register(key, { useValue: given });
  };

  provide(TOKENS.clock, () => systemClock, overrides.clock);
  provide(TOKENS.random, () => systemRandom, overrides.random);
  provide(TOKENS.meter, () => meter, overrides.meter);
  provide(TOKENS.cache, () => new MemoryArtifactCache(), overrides.cache);
  provide(TOKENS.keyValueStore, () => new SqliteKeyValueStore(options.storage?.path), overrides.keyValueStore);
  provide(TOKENS.events, () => new RuntimeEmitter());
  provide(TOKENS.directory, () => new Directory());
  provide(TOKENS.limiter, () => new ComponentLimiter(options.limits, options.maxTotalMemoryBytes));
  provide(
    TOKENS.loader,
    () =>
      new ChainComponentLoader(options.components === undefined ? [] : [new FileComponentLoader(options.components)]),
    overrides.loader,
  );
  provide(
    TOKENS.builder,
    (c) => new ChildBuilder({ program: buildProgram(), clock: c.resolve(TOKENS.clock) }),
    overrides.builder,
  );
  provide(TOKENS.router, (c) => router(c, options));
  provide(
    TOKENS.supervisor,
    (c) =>
      new ActorSupervisor({
        engine: c.resolve(TOKENS.engine),
        router: c.resolve(TOKENS.router),
        directory: c.resolve(TOKENS.directory),
        events: c.resolve(TOKENS.events),
        clock: c.resolve(TOKENS.clock),
        random: c.resolve(TOKENS.random),
      }),
  );
  provide(
    TOKENS.host,
    (c) =>
      new HostMessaging(
        c.resolve(TOKENS.router),
        (signal) => new RuntimeError('RUNTIME_ABORTED', 'the request was aborted', { cause: signal.reason }),
      ),
  );
  provide(TOKENS.engine, (c) => engine(c, options));
  return scope;
}

function engine(c: DependencyContainer, options: RuntimeOptions): JcoEngine {
  const current = new CurrentStore();
  const clock = c.resolve(TOKENS.clock);
  const events = c.resolve(TOKENS.events);
  const limiter = c.resolve(TOKENS.limiter);
  const directory: ActorDirectory = c.resolve(TOKENS.directory);
  const meter = c.resolve(TOKENS.meter);
  const builder = c.resolve(TOKENS.builder);
  const linker = registerHostFunctions(current, {
    clock,
    random: c.resolve(TOKENS.random),
    directory,
    metadataOf: (id) => {
      const handle = directory.find(id);
      return handle === undefined ? undefined : c.resolve(TOKENS.directory).metadata(handle);
    },
    router: new GuestMessaging(c.resolve(TOKENS.router)),
    storageQuotaBytes: options.storage?.quotaBytes ?? DEFAULT_STORAGE_QUOTA_BYTES,
  });
  const emit =
    <E extends keyof RuntimeEvents>(event: E) =>
    (detail: RuntimeEvents[E]): void => {
      events.emit(event, detail);
    };
  return new JcoEngine({
    builder,
    cache: c.resolve(TOKENS.cache),
    keyOf: (component, request) => artifactKeyOf(component, request.metering, meter, builder),
    current,
    linker,
    limiter,
    stores: new StoreManager(current, {
      meter,
      pool: limiter,
      clock,
      keyValueStore: c.resolve(TOKENS.keyValueStore),
      log: emit('log'),
    }),
    onState: emit('state'),
  });
}

/** The engine needs the router for its host functions, and the router the engine for turns: it asks for it at a turn. */
function router(c: DependencyContainer, options: RuntimeOptions): Router {
  const events = c.resolve(TOKENS.events);
  let resolved: JcoEngine | undefined;
  const engine = (): JcoEngine => {
    resolved ??= c.resolve(TOKENS.engine);
    return resolved;
  };
  return new Router({
    clock: c.resolve(TOKENS.clock),
    random: c.resolve(TOKENS.random),
    engine: {
      callHandleMessage: (handle, message) => engine().callHandleMessage(handle, message),
      callHandleCallback: (handle, message) => engine().callHandleCallback(handle, message),
    },
    supervisor: { failed: (handle, reason) => c.resolve(TOKENS.supervisor).failed(handle, reason) },
    onDeadLetter: (letter) => events.emit('dead-letter', letter),
    ...options.messaging,
  });
}

/** The build child's program, beside this file: TypeScript in a checkout, JavaScript when compiled. */
function buildProgram(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './build-child.ts' : './build-child.js', import.meta.url);
}

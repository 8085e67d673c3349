import type { Artifact, ArtifactBuilder, ArtifactCache, ArtifactKey, CompiledArtifact } from '#core/ports/artifact';
import type { CallPath, EngineLoadRequest, GivenComponent, Scheduling } from '#core/ports/engine';
import { type ComponentCode, componentCode, glueHostCall } from '#runtime/code';
import { directComponent } from '#runtime/direct';
import type { TurnScheduler } from '#runtime/execution';
import { answerChecksOf } from '#runtime/exports';
import type { CurrentStore } from '#runtime/host';
import { RuntimeError } from '../errors.ts';
import { plannedCalls } from './planned-calls.ts';

export interface CodeCachePorts {
  readonly builder: ArtifactBuilder;
  readonly cache: ArtifactCache;
  /** The engine profile's id, and the digest of a component's bytes. */
  readonly keyOf: (component: GivenComponent, request: EngineLoadRequest) => Promise<ArtifactKey>;
  readonly current: CurrentStore;
  /** Suspends guests, if they may wait at all. */
  readonly scheduler: TurnScheduler;
  readonly waits: boolean;
  /** Whether the runtime's storage may answer promises. */
  readonly storageWaits: boolean;
  /** Forces one way into components, for comparison; by default direct wherever it is equivalent. */
  readonly calls?: CallPath | undefined;
}

/** The code of components: built at most once, evaluated at most once for as long as the artifact is held. */
export class CodeCache {
  readonly #ports: CodeCachePorts;
  readonly #evaluated: Readonly<Record<Scheduling, WeakMap<CompiledArtifact, ComponentCode>>> = {
    preemptive: new WeakMap(),
    cooperative: new WeakMap(),
  };

  constructor(ports: CodeCachePorts) {
    this.#ports = ports;
  }

  /** What the cache has was validated when it was built. @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED` */
  async get(request: EngineLoadRequest): Promise<ComponentCode> {
    const { component, scheduling, signal } = request;
    const key = await this.#ports.keyOf(component, request);
    const compiled = await this.#artifact(key, request).catch((error: unknown) => {
      throw signal?.aborted ? loadAborted(signal) : error;
    });
    const evaluated = this.#evaluated[scheduling];
    let code = evaluated.get(compiled);
    if (code === undefined) {
      await breath();
      code = await this.#wayInto(component, compiled, scheduling);
      evaluated.set(compiled, code);
      await breath();
    }
    return code;
  }

  async #artifact(
    key: ArtifactKey,
    { component, metering, signal, origin }: EngineLoadRequest,
  ): Promise<CompiledArtifact> {
    const { builder, cache } = this.#ports;
    const found = component instanceof Uint8Array ? undefined : await cache.find?.(key);
    if (found !== undefined) return found;
    // Read before the build, whose failure everybody who waits for it would share, and the cache might remember.
    const bytes = await bytesOf(component);
    // The build is shared by all who ask for the component: it gets the cache's signal, not this caller's.
    const build = (stop?: AbortSignal): Promise<Artifact> => builder.build(bytes, metering, stop);
    return cache.get(key, build, signal, origin);
  }

  async #wayInto(
    component: GivenComponent,
    compiled: CompiledArtifact,
    scheduling: Scheduling,
  ): Promise<ComponentCode> {
    const { calls, current, scheduler, waits, storageWaits } = this.#ports;
    const mode = { preemptive: scheduling === 'preemptive', waits, storageWaits, scheduler };
    const planned = await plannedCalls(() => bytesOf(component), compiled.artifact.callPlan);
    const direct = calls === 'glue' ? 'is told to take the glue' : directComponent(compiled, planned, mode);
    if (typeof direct !== 'string') return direct;
    if (calls === 'direct') {
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be called directly: it ${direct}`);
    }
    const callHost = glueHostCall(current, answerChecksOf(planned.exported));
    return componentCode(compiled, (bytes) => current.state.lift(bytes), callHost, planned.exported);
  }
}

async function bytesOf(component: GivenComponent): Promise<Uint8Array> {
  return component instanceof Uint8Array ? component : component.read();
}

export function loadAborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause: signal.reason });
}

/** Lets timers and I/O run between two steps that each take milliseconds for a large component. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

import type { Artifact, ArtifactBuilder, ArtifactCache, ArtifactKey, CompiledArtifact } from '#core/ports/artifact';
import type { CallPath, EngineLoadRequest, GivenComponent, Scheduling } from '#core/ports/engine';
import { type ComponentCode, componentCode, glueHostCall } from '#runtime/code';
import { type CallPlan, directComponent } from '#runtime/direct';
import { currentStore, type TurnScheduler } from '#runtime/execution';
import { answerChecksOf } from '#runtime/exports';
import { RuntimeError } from '../errors.ts';
import { plannedCalls } from './planned-calls.ts';

export interface CodeCachePorts {
  readonly builder: ArtifactBuilder;
  readonly cache: ArtifactCache;
  /** Computes the key of an artifact: the engine profile's id and the digest of the component's bytes. */
  readonly keyOf: (component: GivenComponent, request: EngineLoadRequest) => Promise<ArtifactKey>;
  /** Suspends guests; used only if `waits` says that guests may wait. */
  readonly scheduler: TurnScheduler;
  readonly waits: boolean;
  /** Whether the runtime's storage may return promises. */
  readonly storageWaits: boolean;
  /** Forces the direct path or the glue, for comparison. By default a component takes the direct path wherever that is equivalent. */
  readonly calls?: CallPath | undefined;
}

/** Holds the code of components. Each is built at most once, and evaluated at most once for as long as the artifact is held. */
export class CodeCache {
  readonly #ports: CodeCachePorts;
  readonly #evaluated: Readonly<Record<Scheduling, WeakMap<CompiledArtifact, ComponentCode>>> = {
    preemptive: new WeakMap(),
    cooperative: new WeakMap(),
  };

  constructor(ports: CodeCachePorts) {
    this.#ports = ports;
  }

  /** Returns the code of a component. A cached artifact was validated when it was built. @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED` */
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
    // Read the bytes before the build: everybody who waits for the build shares its failure, and the cache might remember it.
    const bytes = await bytesOf(component);
    // All who ask for the component share the build, so it gets the cache's signal and not this caller's.
    const build = (stop?: AbortSignal): Promise<Artifact> => builder.build(bytes, metering, stop);
    return cache.get(key, build, signal, origin);
  }

  async #wayInto(
    component: GivenComponent,
    compiled: CompiledArtifact,
    scheduling: Scheduling,
  ): Promise<ComponentCode> {
    const { calls, scheduler, waits, storageWaits } = this.#ports;
    const mode = { preemptive: scheduling === 'preemptive', waits, storageWaits, scheduler };
    const planned = await plannedCalls(() => bytesOf(component), compiled.artifact.callPlan);
    const direct = calls === 'glue' ? 'is told to take the glue' : directComponent(compiled, planned, mode);
    if (typeof direct !== 'string') return direct;
    if (calls === 'direct') {
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be called directly: it ${direct}`);
    }
    const callHost = glueHostCall(currentStore, answerChecksOf(planned.exported));
    const code = componentCode(compiled, (bytes) => currentStore.state.lift(bytes), callHost, planned.exported);
    const asked = calls === 'glue' || !waits;
    return asked ? code : { ...code, glue: { why: direct, waits: waitsOf(planned.plan, storageWaits) } };
  }
}

function waitsOf(plan: CallPlan, storageWaits: boolean): readonly string[] {
  const waits = 'whyGlue' in plan ? (plan.waits ?? []) : [];
  return storageWaits ? waits : waits.filter((name) => !name.startsWith('vivarium:actor/storage@'));
}

async function bytesOf(component: GivenComponent): Promise<Uint8Array> {
  return component instanceof Uint8Array ? component : component.read();
}

export function loadAborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause: signal.reason });
}

/** Lets timers and I/O run between two steps, because each step takes milliseconds for a large component. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

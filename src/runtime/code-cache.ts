import type { Artifact, ArtifactBuilder, ArtifactCache, CallPath, CompiledArtifact, EngineLoadRequest } from '#core';
import { type ComponentCode, componentCode } from './component-code.ts';
import { directComponent, plannedCalls } from './direct/direct-component.ts';
import { RuntimeError } from './errors.ts';
import { answerChecksOf } from './exports/index.ts';
import { glueHostCall } from './host-call.ts';
import type { CurrentStore } from './host-state.ts';

export interface CodeCachePorts {
  readonly builder: ArtifactBuilder;
  readonly cache: ArtifactCache;
  /** The engine profile's id, and the digest of a component's bytes. */
  readonly keyOf: (
    component: Uint8Array,
    request: EngineLoadRequest,
  ) => Promise<{ engineProfileId: string; wasmDigest: string }>;
  readonly current: CurrentStore;
  /** Forces one way into components, for comparison; by default direct wherever it is equivalent. */
  readonly calls?: CallPath | undefined;
}

/** The code of components: built at most once, evaluated at most once for as long as the artifact is held. */
export class CodeCache {
  readonly #ports: CodeCachePorts;
  readonly #evaluated = new WeakMap<CompiledArtifact, ComponentCode>();

  constructor(ports: CodeCachePorts) {
    this.#ports = ports;
  }

  /** What the cache has was validated when it was built. @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED` */
  async get(request: EngineLoadRequest): Promise<ComponentCode> {
    const { builder, cache, keyOf } = this.#ports;
    const { component, metering, signal } = request;
    const key = await keyOf(component, request);
    // The build is shared by all who ask for the component: it gets the cache's signal, not this caller's.
    const build = (stop?: AbortSignal): Promise<Artifact> => builder.build(component, metering, stop);
    const compiled = await cache.get(key, build, signal).catch((error: unknown) => {
      throw signal?.aborted ? loadAborted(signal) : error;
    });
    let code = this.#evaluated.get(compiled);
    if (code === undefined) {
      await breath();
      code = await this.#wayInto(component, compiled);
      this.#evaluated.set(compiled, code);
      await breath();
    }
    return code;
  }

  async #wayInto(component: Uint8Array, compiled: CompiledArtifact): Promise<ComponentCode> {
    const { calls, current } = this.#ports;
    const direct = calls === 'glue' ? 'is told to take the glue' : await directComponent(component, compiled);
    if (typeof direct !== 'string') return direct;
    if (calls === 'direct') {
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be called directly: it ${direct}`);
    }
    const { exported } = await plannedCalls(component, compiled.artifact.callPlan);
    const callHost = glueHostCall(current, answerChecksOf(exported));
    return componentCode(compiled, (bytes) => current.state.lift(bytes), callHost, exported);
  }
}

export function loadAborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause: signal.reason });
}

/** Lets timers and I/O run between two steps that each take milliseconds for a large component. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

import { isVivariumError } from '#core/errors';
import type { Artifact } from '#core/ports/artifact';
import type { AttachedCode, Meter, WaitingImport } from '#core/ports/meter';
import { type BuildRequest, coreModuleName } from '#runtime/build';
import { encodeCallPlan } from '#runtime/direct';
import { type PlannedBuild, planBuild } from '#runtime/planning';
import { type HollowModule, plainlyNamed, withoutBodies } from '#wasm';
import { RuntimeError } from '../errors.ts';
import { validateComponent } from '../validate.ts';
import { checkInstantiation } from './check-instantiation.ts';
import { checkCompileTime } from './compile-check.ts';
import { isOrderly } from './reader-reason.ts';
import type { TranspiledComponent } from './transpile.ts';
import type { Transpiled, TranspilerThread } from './transpiler-thread.ts';
import { whyInvalid } from './validator.ts';

interface NamedModule {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The outcome of metering one core module: its metered bytes, or why the meter refused it. */
type Metered = { readonly bytes: Uint8Array } | { readonly refusal: unknown };

/** One build of one component. */
export class BuildRun {
  readonly #request: BuildRequest;
  readonly #meter: Pick<Meter, 'meterModule'>;
  readonly #transpiler: Pick<TranspilerThread, 'transpile'>;
  /** Whether an error may have left this process, or its transpiler, unfit for another build. */
  spoiled = false;

  constructor(
    request: BuildRequest,
    meter: Pick<Meter, 'meterModule'>,
    transpiler: Pick<TranspilerThread, 'transpile'>,
  ) {
    this.#request = request;
    this.#meter = meter;
    this.#transpiler = transpiler;
  }

  /** @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` */
  async build(): Promise<Artifact> {
    const { component, meteringMode } = this.#request;
    try {
      // Always validate, whoever asks for the build: the cache seals and keeps whatever a hostile name would become in generated code.
      validateComponent(component);
      checkInstantiation(component);
      const shown = shownToTranspiler(component);
      // The transpiler takes two thirds of a build. It runs in its own thread, and this thread does the rest meanwhile.
      const transpiling = this.#transpiler.transpile(shown.bytes);
      const planned = planBuild(component);
      const metered = shown.modules.map(({ whole }, index) =>
        this.#metered(whole, planned.attached.get(index), planned.waiting.get(index)),
      );
      const { javascript, coreModules, imports, exports } = await this.#glue(planned, await transpiling);
      const { modules, names } = this.#joined(coreModules, shown.modules, metered, 'direct' in planned.calls);
      await this.#compiled(modules);
      const { calls, exported } = planned;
      const plan = 'direct' in calls ? { direct: { ...calls.direct, modules: names } } : calls;
      const callPlan = encodeCallPlan(plan, exported);
      return { javascript, coreModules: modules, imports, exports, meteringMode, callPlan };
    } catch (error) {
      this.spoiled ||= !isOrderly(error);
      throw error;
    }
  }

  /** Returns the glue; an empty one if the transpiler refuses the component, but the component is valid and can be called directly. */
  async #glue({ calls, imports, exports }: PlannedBuild, outcome: Transpiled): Promise<TranspiledComponent> {
    if ('transpiled' in outcome) return outcome.transpiled;
    const { refusal } = outcome;
    const invalid = await whyInvalid(this.#request.component);
    if (invalid !== undefined) {
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component is not valid: ${invalid}`, { cause: refusal });
    }
    if ('whyGlue' in calls) throw neitherWay(refusal, calls.whyGlue);
    this.spoiled = !isOrderly(refusal);
    return { javascript: '', coreModules: [], imports, exports };
  }

  /**
   * Collects the metered modules of an artifact: the modules of the glue, and those of the component's own modules that only the direct
   * path needs. The two differ, because the transpiler leaves out some modules and adds some of its own.
   * @returns all modules, and for each of the component's own modules, in file order, the name of the one that the direct path uses
   */
  #joined(
    transpiled: readonly NamedModule[],
    own: readonly HollowModule[],
    metered: readonly Metered[],
    isDirect: boolean,
  ): { readonly modules: readonly NamedModule[]; readonly names: readonly string[] } {
    const names = own.map((_, index) => coreModuleName(index));
    const indices = new Map(names.map((name, index) => [name, index]));
    const isOwn = own.map(() => false);
    const modules = transpiled.map(({ name, bytes }) => {
      const index = indices.get(name);
      const module = index === undefined ? undefined : own[index];
      const isLeft = module !== undefined && Buffer.compare(module.hollow, bytes) === 0;
      if (module !== undefined && !isLeft && module.hollow !== module.whole) throw changed(name);
      if (index !== undefined && isLeft) isOwn[index] = true;
      const outcome = index !== undefined && isLeft ? metered[index] : undefined;
      return { name, bytes: bytesOf(name, outcome ?? this.#metered(bytes, undefined, undefined)) };
    });
    metered.forEach((outcome, index) => {
      // A module that nothing uses must still be valid.
      if (isOwn[index] === true || (!isDirect && !isInvalid(outcome))) return;
      const name = `direct.${names[index]}`;
      names[index] = name;
      modules.push({ name, bytes: bytesOf(name, outcome) });
    });
    return { modules, names };
  }

  async #compiled(modules: readonly NamedModule[]): Promise<void> {
    try {
      await checkCompileTime(modules);
    } catch (slow) {
      // Compilation cannot be cancelled, so this process goes on compiling and must be replaced.
      this.spoiled = true;
      throw slow;
    }
  }

  #metered(
    bytes: Uint8Array,
    attached: AttachedCode | undefined,
    waiting: readonly WaitingImport[] | undefined,
  ): Metered {
    try {
      return this.#meter.meterModule(bytes, this.#request.meteringMode, attached, waiting);
    } catch (refusal) {
      return { refusal };
    }
  }
}

/**
 * Returns the component as the transpiler gets it: without the bodies of its functions. They make no difference to the glue, and V8
 * validates them when they are metered. A component that has a module with several memories is given whole, because the transpiler
 * rewrites such modules.
 */
function shownToTranspiler(component: Uint8Array): {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly modules: readonly HollowModule[];
} {
  const { bytes, component: read } = plainlyNamed(component);
  const hollow = withoutBodies(bytes);
  if (mostMemories(read) <= 1) return { bytes: hollow.bytes as Uint8Array<ArrayBuffer>, modules: hollow.modules };
  return { bytes: new Uint8Array(bytes), modules: hollow.modules.map(({ whole }) => ({ whole, hollow: whole })) };
}

/** The largest number of memories that any one core module has, imported ones included. */
function mostMemories({ definitions }: ReturnType<typeof plainlyNamed>['component']): number {
  let most = 0;
  for (const definition of definitions) {
    if (definition.kind === 'component') most = Math.max(most, mostMemories(definition.component));
    if (definition.kind !== 'core module') continue;
    const { imports, memories } = definition.module;
    most = Math.max(most, memories.length + imports.filter(({ sort }) => sort === 'memory').length);
  }
  return most;
}

/** The error for a module that the transpiler changed, so that the component's function bodies do not fit it. */
function changed(name: string): RuntimeError {
  const message = `the transpiler changed core module ${name}, which has one memory at most; the component cannot be built`;
  return new RuntimeError('RUNTIME_INVALID_COMPONENT', message);
}

function isInvalid(outcome: Metered): boolean {
  return 'refusal' in outcome && isVivariumError(outcome.refusal, 'METERING_INVALID_MODULE');
}

function bytesOf(name: string, outcome: Metered): Uint8Array {
  if (!('refusal' in outcome)) return outcome.bytes;
  const { refusal: cause } = outcome;
  if (!isVivariumError(cause)) throw cause;
  const message = `core module ${name} cannot be metered: ${cause.message}`;
  throw new RuntimeError('RUNTIME_INVALID_COMPONENT', message, { cause });
}

/** The error for a valid component that can use neither the glue nor the direct path. It says why for each. */
function neitherWay(refusal: unknown, whyGlue: string): unknown {
  if (!isVivariumError(refusal)) return refusal;
  const message = `${refusal.message}; and it cannot be called directly, because it ${whyGlue}`;
  return new RuntimeError('RUNTIME_INVALID_COMPONENT', message, { cause: refusal });
}

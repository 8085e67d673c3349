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

/** What metering one of the component's own core modules came to. */
type Metered = { readonly bytes: Uint8Array } | { readonly refusal: unknown };

/** One build. */
export class BuildRun {
  readonly #request: BuildRequest;
  readonly #meter: Pick<Meter, 'meterModule'>;
  readonly #transpiler: Pick<TranspilerThread, 'transpile'>;
  /** Whether something was thrown that may have left the transpiler half-way. */
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
      // Whoever asks for a build: what a hostile name would become in the generated code is sealed and kept.
      validateComponent(component);
      checkInstantiation(component);
      const shown = shownToTranspiler(component);
      // Two thirds of a build are the transpiler's, in its own thread; the others are done meanwhile.
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

  /** The glue; without one where the transpiler takes no such component, although it is valid and needs none. */
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
   * The metered modules of an artifact: those that the glue has, and beside them what the direct way needs of the
   * component's own. The transpiler leaves out modules and adds some of its own.
   * @returns all modules, and by their number in the file the names of those that the direct way takes
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
      // A module that nothing uses must be valid all the same.
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
      // The engine cannot be told to give up: the process goes on with it.
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
 * What the transpiler is given of a component: the bodies of its functions make no difference to the glue, and the engine
 * judges them when they are metered. Modules with several memories it takes apart, so those it is given whole.
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

/** The memories of the core module that has the most of them, its own and imported ones. */
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

/** Its bodies are not those of the component. */
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

/** A valid component that neither way takes: what stands in the way of each. */
function neitherWay(refusal: unknown, whyGlue: string): unknown {
  if (!isVivariumError(refusal)) return refusal;
  const message = `${refusal.message}; and it cannot be called directly, because it ${whyGlue}`;
  return new RuntimeError('RUNTIME_INVALID_COMPONENT', message, { cause: refusal });
}

import { isVivariumError } from '#core/errors';
import type { Artifact } from '#core/ports/artifact';
import type { Meter, MeteringOptions } from '#core/ports/meter';
import { type BuildRequest, coreModuleName } from '#runtime/build';
import { encodeCallPlan } from '#runtime/direct';
import { type PlannedBuild, planBuild } from '#runtime/planning';
import { asynchronousParts, type HollowModule, plainlyNamed, withoutBodies } from '#wasm';
import { RuntimeError } from '../errors.ts';
import { validateComponent } from '../validate.ts';
import { checkInstantiation } from './check-instantiation.ts';
import { checkCompileTime } from './compile-check.ts';
import type { ComponentTools, Tool, ToolOutcome } from './component-tools.ts';
import { isOrderly } from './reader-reason.ts';
import type { TranspiledComponent } from './transpile.ts';

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
  readonly #tools: ComponentTools;
  /** Whether an error may have left this process, or one of its tools, unfit for another build. */
  spoiled = false;

  constructor(request: BuildRequest, meter: Pick<Meter, 'meterModule'>, tools: ComponentTools) {
    this.#request = request;
    this.#meter = meter;
    this.#tools = tools;
  }

  /** @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` */
  async build(): Promise<Artifact> {
    const { component, meteringMode, alwaysGlue } = this.#request;
    try {
      // Always validate, whoever asks for the build: the cache seals and keeps whatever a hostile name would become in generated code.
      validateComponent(component);
      checkInstantiation(component);
      const planned = planBuild(component);
      // A component that is called directly needs no glue, only the certainty that it is valid.
      const tool = 'direct' in planned.calls && !alwaysGlue ? 'validate' : 'transpile';
      if (tool === 'transpile') refuseAsynchronous(component, planned);
      const shown = shownTo(tool, component);
      // For a large component the tool runs in its own thread, and this thread meters meanwhile.
      const running = this.#tools.run(tool, shown.bytes);
      const metered = shown.modules.map(({ whole }, index) =>
        this.#metered(whole, {
          attached: planned.attached.get(index),
          waiting: planned.waiting.get(index),
          contexts: planned.contexts.get(index),
          renewable: true,
        }),
      );
      const { javascript, coreModules, imports, exports } = await this.#glue(planned, await running);
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

  /**
   * Returns the glue. It is empty if the component can be called directly and either needs no glue, or is valid although the transpiler
   * refuses it.
   */
  async #glue({ calls, imports, exports }: PlannedBuild, outcome: ToolOutcome): Promise<TranspiledComponent> {
    if ('transpiled' in outcome) return outcome.transpiled;
    const refusal = 'refusal' in outcome ? outcome.refusal : undefined;
    if ('refusal' in outcome) this.spoiled ||= !outcome.isUsable;
    // What the tool saw had no bodies; the reason that is reported is the one for the whole component.
    if (refusal !== undefined || ('invalid' in outcome && outcome.invalid !== undefined))
      await this.#validated(refusal);
    if ('whyGlue' in calls) throw neitherWay(refusal, calls.whyGlue);
    return { javascript: '', coreModules: [], imports, exports };
  }

  /** @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` if the component is not valid */
  async #validated(cause: Error | undefined): Promise<void> {
    const outcome = await this.#tools.run('validate', new Uint8Array(this.#request.component));
    if ('refusal' in outcome) throw outcome.refusal;
    if ('invalid' in outcome && outcome.invalid !== undefined) {
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component is not valid: ${outcome.invalid}`, { cause });
    }
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
      return { name, bytes: bytesOf(name, outcome ?? this.#metered(bytes, {})) };
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

  #metered(bytes: Uint8Array, options: MeteringOptions): Metered {
    try {
      return this.#meter.meterModule(bytes, this.#request.meteringMode, options);
    } catch (refusal) {
      return { refusal };
    }
  }
}

/**
 * Returns the component as a tool gets it: without the bodies of its functions. They make no difference to the glue or to the
 * validity of anything else, and V8 validates them when they are metered. If a module has several memories, the transpiler gets the
 * component whole, because it rewrites such modules.
 */
function shownTo(
  tool: Tool,
  component: Uint8Array,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly modules: readonly HollowModule[] } {
  const { bytes, component: read } = plainlyNamed(component);
  const hollow = withoutBodies(bytes);
  if (tool === 'validate' || mostMemories(read) <= 1) {
    return { bytes: hollow.bytes as Uint8Array<ArrayBuffer>, modules: hollow.modules };
  }
  return { bytes: new Uint8Array(bytes), modules: hollow.modules.map(({ whole }) => ({ whole, hollow: whole })) };
}

/** Refuses the glue for a component with asynchronous parts, because it would run them without bounds. @throws `RUNTIME_INVALID_COMPONENT` */
function refuseAsynchronous(component: Uint8Array, { calls }: PlannedBuild): void {
  if (asynchronousParts(plainlyNamed(component).component).length === 0) return;
  const direct = 'whyGlue' in calls ? `; and it cannot be called directly, because it ${calls.whyGlue}` : '';
  const message = `the component has asynchronous parts, for which no glue is made${direct}`;
  throw new RuntimeError('RUNTIME_INVALID_COMPONENT', message);
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

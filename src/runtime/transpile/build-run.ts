import { isVivariumError } from '#core/errors';
import type { Artifact } from '#core/ports/artifact';
import type { AttachedCode, Meter, WaitingImport } from '#core/ports/meter';
import type { BuildRequest } from '#runtime/build';
import { coreModuleName } from '#runtime/build';
import { encodeCallPlan } from '#runtime/direct';
import { type PlannedBuild, planBuild } from '#runtime/planning';
import { RuntimeError } from '../errors.ts';
import { validateComponent } from '../validate.ts';
import { checkInstantiation } from './check-instantiation.ts';
import { checkCompileTime } from './compile-check.ts';
import { isRefusal } from './reader-reason.ts';
import { type TranspiledComponent, transpile } from './transpile.ts';
import { whyInvalid } from './validator.ts';

interface NamedModule {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One build. */
export class BuildRun {
  readonly #request: BuildRequest;
  readonly #meter: Pick<Meter, 'meterModule'>;
  /** Whether something was thrown that may have left the transpiler half-way. */
  spoiled = false;

  constructor(request: BuildRequest, meter: Pick<Meter, 'meterModule'>) {
    this.#request = request;
    this.#meter = meter;
  }

  /** @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` */
  async build(): Promise<Artifact> {
    const { component, meteringMode } = this.#request;
    try {
      // Whoever asks for a build: what a hostile name would become in the generated code is sealed and kept.
      validateComponent(component);
      checkInstantiation(component);
      const planned = planBuild(component);
      const { javascript, coreModules, imports, exports } = await this.#transpiled(planned);
      const { modules, names } = withOwnModules(coreModules, planned);
      const attachedTo = new Map([...planned.attached].map(([index, code]) => [names[index], code]));
      const waitingOf = new Map([...planned.waiting].map(([index, waiting]) => [names[index], waiting]));
      const metered = modules.map((module) =>
        this.#metered(module, attachedTo.get(module.name), waitingOf.get(module.name)),
      );
      await this.#compiled(metered);
      const { calls, exported } = planned;
      const plan = 'direct' in calls ? { direct: { ...calls.direct, modules: names } } : calls;
      const callPlan = encodeCallPlan(plan, exported);
      return { javascript, coreModules: metered, imports, exports, meteringMode, callPlan };
    } catch (error) {
      this.spoiled ||= !isOrderly(error);
      throw error;
    }
  }

  /** The glue; without one where the transpiler takes no such component, although it is valid and needs none. */
  async #transpiled({ calls, imports, exports }: PlannedBuild): Promise<TranspiledComponent> {
    const { component } = this.#request;
    try {
      return await transpile(component);
    } catch (refusal) {
      const invalid = await whyInvalid(component);
      if (invalid !== undefined) {
        throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component is not valid: ${invalid}`, {
          cause: refusal,
        });
      }
      if ('whyGlue' in calls) throw neitherWay(refusal, calls.whyGlue);
      this.spoiled = !isOrderly(refusal);
      return { javascript: '', coreModules: [], imports, exports };
    }
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
    { name, bytes }: NamedModule,
    attached: AttachedCode | undefined,
    waiting: readonly WaitingImport[] | undefined,
  ): NamedModule {
    try {
      return { name, bytes: this.#meter.meterModule(bytes, this.#request.meteringMode, attached, waiting).bytes };
    } catch (cause) {
      if (!isVivariumError(cause)) throw cause;
      const message = `core module ${name} cannot be metered: ${cause.message}`;
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', message, { cause });
    }
  }
}

/**
 * What the direct way needs of the component's own core modules, beside what the glue has: the transpiler leaves out
 * modules and changes others for glue of its own.
 * @returns all modules, and by their number in the file the names of those that the direct way takes
 */
function withOwnModules(
  transpiled: readonly NamedModule[],
  { calls, modules }: PlannedBuild,
): { readonly modules: readonly NamedModule[]; readonly names: readonly string[] } {
  if (!('direct' in calls)) return { modules: transpiled, names: modules.map((_, index) => coreModuleName(index)) };
  const byName = new Map(transpiled.map((module) => [module.name, module.bytes]));
  const own: NamedModule[] = [];
  const names = modules.map((bytes, index) => {
    const name = coreModuleName(index);
    const theirs = byName.get(name);
    if (theirs !== undefined && Buffer.compare(theirs, bytes) === 0) return name;
    const ownName = `direct.${name}`;
    own.push({ name: ownName, bytes });
    return ownName;
  });
  return { modules: [...transpiled, ...own], names };
}

/** A valid component that neither way takes: what stands in the way of each. */
function neitherWay(refusal: unknown, whyGlue: string): unknown {
  if (!isVivariumError(refusal)) return refusal;
  const message = `${refusal.message}; and it cannot be called directly, because it ${whyGlue}`;
  return new RuntimeError('RUNTIME_INVALID_COMPONENT', message, { cause: refusal });
}

/**
 * Whether an error is a plain refusal: ours, or one that the transpiler answered. A panic of the transpiler poisons its
 * instance, and whatever else was thrown may have left it half-way.
 */
function isOrderly(thrown: unknown): boolean {
  if (!isVivariumError(thrown)) return false;
  const { cause } = thrown;
  if (cause === undefined) return true;
  if (isVivariumError(cause)) return isOrderly(cause);
  return isRefusal(cause);
}

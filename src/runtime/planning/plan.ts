import { isVivariumError } from '#core/errors';
import type { ArtifactExport } from '#core/ports/artifact';
import type { AttachedCode, ContextImport, WaitingImport } from '#core/ports/meter';
import { coreModuleName } from '#runtime/build';
import type { Argument, CallPlan, DirectPlan, HostFunction, PlannedExport, PlannedStep } from '#runtime/direct';
import { describeExports } from '#runtime/exports';
import {
  asynchronousParts,
  type BuiltinItem,
  type CoreInstanceItem,
  type CoreItem,
  checkNames,
  DocComments,
  type FuncItem,
  type FuncType,
  type LinkedComponent,
  type LinkedOptions,
  linkComponent,
  memoryOf,
  plainlyNamed,
  type Resource,
  type ValueType,
} from '#wasm';
import { Adapters } from './adapter/adapters.ts';
import { builtinBlocks, builtinCode } from './builtin-code.ts';
import { PlannedContexts } from './contexts.ts';
import {
  exportCode,
  type FunctionSlots,
  forwardCode,
  importCode,
  nestedCode,
  restCode,
  suspendableCode,
} from './function-code.ts';
import { holds } from './holds.ts';
import { hostCall } from './host-call-names.ts';
import { layoutOf, MAX_FLAT_PARAMS } from './layout.ts';
import { NotDirect } from './not-direct.ts';
import { ResourceNumbers } from './plan-resources.ts';
import { dropCode, dropHostCode, dropTaskCode, newCode, representationCode, resourcesIn } from './resource-code.ts';
import { interfaceCode, stateCode } from './state-code.ts';
import { liftPlanCode, lowerPlanCode } from './task-code.ts';
import { typeKey } from './type-key.ts';
import { isOurs, mayWait, waitsForStorage } from './waiting-imports.ts';

/**
 * The most parts that the types of all functions of a component may have together. A part counts at each use, because a
 * small file can stand for much generated code. The reader of components allows one type at most 50,000 parts.
 */
const MAX_NODES = 400_000;

const NO_OPTIONS: Omit<LinkedOptions, 'memory'> = {
  encoding: 'utf8',
  async: false,
  others: [],
  realloc: undefined,
  postReturn: undefined,
  callback: undefined,
};

/**
 * Plans a component's direct path, or says why it has none. The component must be one that jco accepts, because the plan
 * does not validate types and indices again.
 *
 * @throws {NotDirect} when the component uses something that the direct path does not cover
 * @throws {WasmError} when the component cannot be read
 */
export function planDirect(bytes: Uint8Array): DirectPlan {
  return new Planner(linkedComponent(bytes)).plan();
}

/** Plans how a component is called: on the direct path, or through the glue. */
export function planCalls(component: Uint8Array): CallPlan {
  return planBuild(component).calls;
}

/** What a build takes from a component for the direct path. */
export interface PlannedBuild {
  readonly calls: CallPlan;
  /** The code that metering attaches to its core modules, by their number in the file. */
  readonly attached: ReadonlyMap<number, AttachedCode>;
  /** The imports of its core modules that may have to wait, by the same number. */
  readonly waiting: ReadonlyMap<number, readonly WaitingImport[]>;
  /** Their imports that read or set a number of a thread, in place of which they get globals. */
  readonly contexts: ReadonlyMap<number, readonly ContextImport[]>;
  /** All core modules of the file, in the file's order. */
  readonly modules: readonly Uint8Array[];
  readonly imports: readonly string[];
  readonly exports: readonly ArtifactExport[];
  /** The text by which `describeExports` describes its exports; undefined where they cannot be read. */
  readonly exported: string | undefined;
}

/** Plans how a component is called, and takes from the component what else a build needs. */
export function planBuild(component: Uint8Array): PlannedBuild {
  const nothing = {
    attached: new Map(),
    waiting: new Map(),
    contexts: new Map(),
    modules: [],
    imports: [],
    exports: [],
  };
  let exported: string | undefined;
  let waits: readonly string[] | undefined;
  try {
    const read = linkedComponent(component);
    waits = mayWaitOf(read.linked);
    exported = describeExports(read.linked, read.nameOf, read.docs);
    const planned = new Planner(read);
    const direct = planned.plan();
    return { calls: { direct }, exported, ...planned.parts };
  } catch (error) {
    if (error instanceof NotDirect) return { calls: { whyGlue: error.message, waits }, exported, ...nothing };
    if (isVivariumError(error)) {
      return { calls: { whyGlue: `cannot be read: ${error.message}` }, exported, ...nothing };
    }
    throw error;
  }
}

/** The runtime's own functions that a component imports and that may have to wait, by their WIT names; undefined if there are none. */
function mayWaitOf({ imports }: LinkedComponent): readonly string[] | undefined {
  const names = imports.flatMap(({ name, value }) =>
    value.sort === 'instance'
      ? [...value.exports].flatMap(([member, item]) => (item.sort === 'func' ? [[name, member]] : []))
      : [],
  );
  const waits = names.filter((path) => mayWait(path) && isOurs(path[0] as string)).map((path) => path.join('#'));
  return waits.length === 0 ? undefined : waits;
}

interface ReadComponent {
  readonly linked: LinkedComponent;
  /** Finds the WIT name of an export. */
  readonly nameOf: (shown: string) => string;
  readonly docs: DocComments;
  /** Whether it has asynchronous parts, so that all its calls are tasks. */
  readonly hasTasks: boolean;
}

/** Links a component as the transpiler is shown it. */
function linkedComponent(bytes: Uint8Array): ReadComponent {
  const { component, names } = plainlyNamed(bytes);
  checkNames(component);
  return {
    linked: linkComponent(component),
    nameOf: (name) => names.get(name) ?? name,
    docs: DocComments.of(component),
    hasTasks: asynchronousParts(component).length > 0,
  };
}

/** Why a component cannot take the direct path, as half a sentence that follows "it"; undefined when it can. */
export function whyGlue(component: Uint8Array): string | undefined {
  const plan = planCalls(component);
  return 'whyGlue' in plan ? plan.whyGlue : undefined;
}

/** The texts of one exported function's code: `plain` where guests are never suspended, the others where they may be. */
interface ExportedCode {
  readonly plain: string;
  readonly suspendable?: string | undefined;
  /** Lifts the answer of the core function that `suspendable` called. */
  readonly rest?: string | undefined;
  /** The code by which another component instance calls the function. */
  readonly nested?: string | undefined;
}

class Planner {
  readonly #linked: LinkedComponent;
  readonly #nameOf: (shown: string) => string;
  readonly #hasTasks: boolean;
  /** The texts of what the code of tasks must know of lifted functions. */
  readonly #lifts: string[] = [];
  readonly #tables = new Map<string, { step: number; name: string; slot: number }>();
  /** Numbers for payload types, and for results with the options by which they are lifted. */
  readonly #typeNumbers = new Map<string, number>();
  readonly #trampolines: string[] = [];
  readonly #trampolineOf = new Map<CoreItem, number>();
  readonly #lists: (readonly (readonly [string, Argument])[])[] = [];
  readonly #listOf = new Map<CoreInstanceItem, number>();
  readonly #exported: ExportedCode[] = [];
  /** Component instances that may have to wait in a call, because of what they import or because of the instances that they call. */
  readonly #waitingInstances: ReadonlySet<number>;
  readonly #waiting = new Map<number, WaitingImport[]>();
  /** Trampolines that may have to wait. */
  readonly #waits = new Set<number>();
  /** Trampolines that call other component instances. */
  readonly #nests = new Set<number>();
  /** How many trampolines wait for the storage alone. */
  #storageWaits = 0;
  /** How many exports are imports that may have to wait. */
  #waitingExports = 0;
  /** The numbers of lifted functions' plans, by the numbers of their code. */
  readonly #liftOf = new Map<number, number>();
  readonly #exportedOf = new Map<FuncItem, Map<string, number>>();
  readonly #functions: { name: string; func: number }[] = [];
  readonly #interfaces: string[] = [];
  readonly #keptTexts: string[] = [];
  readonly #funcs = new Map<string, { step: number; name: string; slot: number }>();
  readonly #memories = new Map<string, { step: number; name: string; slot: number }>();
  readonly #adapters: Adapters;
  readonly #host: HostFunction[] = [];
  #nodes = 0;
  /** Interfaces whose resource classes the plan needs. */
  readonly #needed = new Set<string>();
  readonly #resources: ResourceNumbers;
  readonly #contexts: PlannedContexts;

  constructor({ linked, nameOf, hasTasks }: ReadComponent) {
    this.#linked = linked;
    this.#nameOf = nameOf;
    this.#hasTasks = hasTasks;
    this.#adapters = new Adapters(linked);
    this.#resources = new ResourceNumbers(linked, nameOf);
    this.#waitingInstances = waitingInstances(linked);
    this.#contexts = new PlannedContexts(linked);
  }

  plan(): DirectPlan {
    const exports = this.#exports();
    const destroys = this.#resources.destroys((item) => this.#callee(item));
    const steps: Omit<PlannedStep, 'funcs' | 'memories' | 'tables' | 'adapters' | 'contexts'>[] =
      this.#linked.steps.map((step) => ({
        module: step.module,
        args: step.args.map(({ name, value }) => ({
          name,
          value: value.kind === 'instantiated' ? { step: value.step } : { list: this.#list(value) },
        })),
      }));
    this.#noteWaiting(steps);
    const [funcs, memories] = [slotsByStep(this.#funcs), slotsByStep(this.#memories)];
    const tables = slotsByStep(this.#tables);
    return {
      waits: this.#waits.size - this.#storageWaits + this.#waitingExports,
      storageWaits: this.#storageWaits,
      lists: this.#lists,
      source: [
        "'use strict';",
        ...this.#keptTexts.map((name) => `const ${name} = new abi.KeptText();`),
        'const x = abi.theExchange();',
        ...this.#adapters.source,
        `const State = ${stateCode({
          funcs: this.#funcs.size,
          adapters: this.#adapters.indices,
          instances: this.#linked.instances,
          resources: this.#resources.defined.length > 0,
        })};`,
        ...this.#lifts.map((text, index) => `const lift${index} = ${text};`),
        ...this.#exported.map(({ plain }, index) => `const plain${index} = ${plain};`),
        ...this.#exported.flatMap(({ rest, suspendable, nested }, index) => [
          ...(rest === undefined ? [] : [`const rest${index} = ${rest};`]),
          ...(nested === undefined ? [] : [`const nested${index} = ${nested};`]),
          `const exported${index} = ${suspendable === undefined ? '' : `suspends ? ${suspendable} : `}plain${index};`,
        ]),
        ...this.#trampolines.map((text, index) => `const call${index} = ${text};`),
        `const trampolines = ${this.#hasTasks ? '' : `suspends ? [${this.#trampolines.map(unsuspendedCode).join(',\n')}] : `}[${this.#trampolines.map((_, index) => `call${index}`).join(', ')}];`,
        `const interfaces = [${this.#interfaces.join(',\n')}];`,
        `const exported = [${this.#exported.map((_, index) => `exported${index}`).join(', ')}];`,
        `const destroys = new Map([${destroys.join(',\n')}]);`,
        'return { State, exported, trampolines, interfaces, destroys };',
      ].join('\n'),
      steps: steps.map((step, index) => ({
        ...step,
        funcs: funcs.get(index) ?? [],
        memories: memories.get(index) ?? [],
        contexts: this.#contexts.ofStep(index),
        tables: tables.get(index) ?? [],
        adapters: this.#adapters.ofStep(index),
      })),
      exports,
      functions: this.#functions,
      host: this.#host,
      imports: [...new Set([...this.#host.map(({ from }) => from), ...this.#needed])],
      classes: this.#resources.classes,
      resources: this.#resources.defined,
      modules: this.#linked.modules.map((_, index) => coreModuleName(index)),
      instances: this.#linked.instances,
      ...(this.#hasTasks
        ? { tasks: this.#linked.parents.map((parent) => parent ?? -1), contexts: this.#contexts.globals }
        : {}),
    };
  }

  /** Records for metering which imports of each core module may have to wait. */
  #noteWaiting(steps: readonly Pick<PlannedStep, 'module' | 'args'>[]): void {
    for (const { module, args } of steps) {
      const waiting = args.flatMap(({ name, value }) =>
        'step' in value
          ? []
          : (this.#lists[value.list] ?? []).flatMap(([key, item]) =>
              item.kind === 'trampoline' && (this.#waits.has(item.index) || this.#nests.has(item.index))
                ? [{ module: name, name: key }]
                : [],
            ),
      );
      if (waiting.length > 0) this.#waiting.set(module, [...(this.#waiting.get(module) ?? []), ...waiting]);
    }
  }

  #exports(): PlannedExport[] {
    return this.#linked.exports.flatMap(({ name: shown, value }): PlannedExport[] => {
      const name = this.#nameOf(shown);
      if (value.sort === 'func') {
        const func = this.#lifted(value, undefined);
        this.#functions.push({ name, func });
        return [{ name, target: { func } }];
      }
      if (value.sort !== 'instance') return [];
      const functions = [...value.exports].flatMap(([inner, item]) => {
        if (item.sort !== 'func') return [];
        const func = this.#lifted(item, undefined);
        this.#functions.push({ name: `${name}#${inner}`, func });
        return [{ name: inner, index: func, params: item.type.params.length }];
      });
      return [{ name, target: { interface: this.#interfaces.push(interfaceCode(functions)) - 1 } }];
    });
  }

  /**
   * Plans the code of an exported function, once, and answers the number of the code.
   * @param caller the component instance that calls it; undefined for the embedder
   */
  #lifted(item: FuncItem, caller: number | undefined): number {
    const { type, definition } = item;
    if (definition.kind !== 'lift') return this.#forwarded(item, definition.path);
    if (this.#hasTasks) return this.#task(item, definition, caller === undefined);
    const entering = this.#resources.entering(definition.instance, caller);
    const fromHost = caller === undefined;
    const key = `${fromHost} ${entering.join(' ')}`;
    const known = this.#exportedOf.get(item) ?? new Map<string, number>();
    const found = known.get(key);
    if (found !== undefined) return found;
    this.#check(type);
    const slots = this.#slots(definition.options, definition.instance, fromHost, entering);
    const index = this.#exported.length;
    const adapter = fromHost && !slots.wide ? this.#adapters.add(index, type, definition) : undefined;
    const callee = this.#callee(definition.coreFunc);
    const plain = exportCode(type, slots, callee, adapter);
    // A lifted built-in runs no guest code that could be suspended, and other component instances call by `nested`.
    const suspends = callee.startsWith('s.');
    const nested = !fromHost && suspends ? nestedCode(type, slots, index, callee) : undefined;
    const rest = fromHost && suspends ? restCode(type, slots) : undefined;
    const suspendable = rest && suspendableCode(type, slots, { index, callee, rest: `rest${index}`, adapter });
    this.#exported.push({ plain, rest, suspendable, nested });
    this.#exportedOf.set(item, known.set(key, index));
    return index;
  }

  /** Plans an exported function of a component with asynchronous parts, once for the embedder and once for other instances. */
  #task(item: FuncItem, definition: Extract<FuncItem['definition'], { kind: 'lift' }>, isFromHost: boolean): number {
    const known = this.#exportedOf.get(item) ?? new Map<string, number>();
    const found = known.get(`${isFromHost}`);
    if (found !== undefined) return found;
    const { type } = item;
    const { options, instance } = definition;
    this.#check(type);
    const slots = this.#slots(options, instance, isFromHost);
    const callee = this.#callee(definition.coreFunc);
    const index = this.#exported.push({ plain: `abi.tasks.exported(lift${this.#lifts.length})` }) - 1;
    this.#lifts.push(
      liftPlanCode({
        index: this.#lifts.length,
        type,
        slots,
        isAsyncLift: options.async,
        callee,
        callback: options.callback === undefined ? undefined : this.#callee(options.callback),
        returns: this.#returns(type.result, options),
        isGuest: callee.startsWith('s.'),
        hasStack: callee.startsWith('s.') && this.#waitingInstances.has(instance),
        isFromHost,
      }),
    );
    this.#exportedOf.set(item, known.set(`${isFromHost}`, index));
    this.#liftOf.set(index, this.#lifts.length - 1);
    return index;
  }

  /** A number that is equal for equal results that are lifted by equal options, as far as lifting them needs the options. */
  #returns(result: ValueType | undefined, options: LinkedOptions): number {
    const isLong = result !== undefined && layoutOf(result, false).flat.length > MAX_FLAT_PARAMS;
    const needsMemory = isLong || (result !== undefined && holds(result, 'string', 'list'));
    const memory = needsMemory && options.memory !== undefined ? this.#memory(options.memory) : '';
    const encoding = result !== undefined && holds(result, 'string') ? options.encoding : '';
    return this.#typeNumber(`return ${this.#typeKey(result)} ${encoding} ${memory}`);
  }

  #typeKey(type: ValueType | undefined): string {
    return typeKey(type, ({ resource }) => this.#resources.of(resource).id);
  }

  #typeNumber(key: string): number {
    const known = this.#typeNumbers.get(key) ?? this.#typeNumbers.size;
    this.#typeNumbers.set(key, known);
    return known;
  }

  #builtin(item: BuiltinItem): string {
    const { type, table } = item;
    const options = item.options ?? { ...NO_OPTIONS, memory: item.memory };
    return builtinCode(item, {
      slots: this.#slots(options, item.instance, false),
      number: type === undefined ? this.#returns(item.result, options) : this.#payload(type),
      table: table === undefined ? undefined : slotOf(this.#tables, table, 'table'),
    });
  }

  #payload({ element }: NonNullable<BuiltinItem['type']>): number {
    return this.#typeNumber(`payload ${this.#typeKey(element)}`);
  }

  /** Plans the code of an exported function that is an imported one, with no code of the component between the two. */
  #forwarded(item: FuncItem, path: readonly string[]): number {
    const known = this.#exportedOf.get(item)?.get('');
    if (known !== undefined) return known;
    const { type } = item;
    this.#check(type);
    if (typesOf(type).some((part) => holds(part, 'own', 'borrow'))) {
      throw new NotDirect('exports a function with resources that it imports');
    }
    const { slot, how } = hostCall(path);
    const [host, name] = [this.#host.push(slot) - 1, path.join('#')];
    const plain = forwardCode(type, host, how, name, false);
    const suspendable = forwardCode(type, host, how, name, true);
    if (mayWait(path)) this.#waitingExports += 1;
    const index = this.#exported.push({ plain, suspendable }) - 1;
    this.#exportedOf.set(item, new Map([['', index]]));
    return index;
  }

  get parts(): Omit<PlannedBuild, 'calls' | 'exported'> {
    const { modules, imports, exports } = this.#linked;
    return {
      attached: this.#adapters.attached,
      waiting: this.#waiting,
      contexts: this.#contexts.imports,
      modules: modules.map(({ bytes }) => bytes),
      imports: imports.flatMap(({ name, value }) => (value.sort === 'type' ? [] : [name])),
      exports: exports.flatMap(({ name: shown, value }): ArtifactExport[] => {
        const name = this.#nameOf(shown);
        if (value.sort === 'func') return [{ name, kind: 'function' }];
        return value.sort === 'instance' ? [{ name, kind: 'instance' }] : [];
      }),
    };
  }

  /** The number of a list of items. The plan holds a list once, because many core modules may be given it. */
  #list(given: Extract<CoreInstanceItem, { kind: 'exports' }>): number {
    let index = this.#listOf.get(given);
    if (index === undefined) {
      index = this.#lists.push([...given.exports].map(([key, item]) => this.#argument(key, item))) - 1;
      this.#listOf.set(given, index);
    }
    return index;
  }

  #argument(name: string, item: CoreItem): readonly [string, Argument] {
    if (item.kind === 'core export') return [name, { kind: 'export', step: item.instance, name: item.name }];
    let index = this.#trampolineOf.get(item);
    if (index === undefined) {
      index = this.#trampolines.push(this.#trampoline(item)) - 1;
      this.#trampolineOf.set(item, index);
      if (item.kind === 'lower') {
        const { definition } = item.func;
        // A guest whose thread may have to wait in a call suspends itself there, and calls again.
        if (this.#hasTasks) {
          // So does one whose callee has used up its slice.
          if (definition.kind === 'lift' || this.#blocks(item)) this.#nests.add(index);
        }
        // A call of another component instance waits when that instance waits, and gives the thread away when that instance does.
        else if (definition.kind === 'lift') this.#nests.add(index);
        else if (mayWait(definition.path)) {
          this.#waits.add(index);
          if (waitsForStorage(definition.path)) this.#storageWaits += 1;
        }
      } else if (item.kind === 'builtin' && builtinBlocks(item)) this.#nests.add(index);
    }
    return [name, { kind: 'trampoline', index }];
  }

  #blocks({ func: { type, definition }, options }: Extract<CoreItem, { kind: 'lower' }>): boolean {
    if (definition.kind === 'lift') {
      return (type.async && !options.async) || this.#waitingInstances.has(definition.instance);
    }
    return !options.async && (type.async || mayWait(definition.path));
  }

  #trampoline(item: Exclude<CoreItem, { kind: 'core export' }>): string {
    switch (item.kind) {
      case 'resource.new':
        return newCode(item.instance, this.#resources.definedNumber(item.resource));
      case 'resource.rep':
        return representationCode(item.instance, this.#resources.definedNumber(item.resource));
      case 'resource.drop':
        return this.#drop(item.resource, item.instance);
      case 'lower':
        return this.#lowered(item);
      case 'builtin':
        return this.#builtin(item);
      default:
        throw new NotDirect(`uses ${item.kind}`);
    }
  }

  #drop(resource: Resource, instance: number): string {
    const { id, definedBy, host } = this.#resources.of(resource);
    if (definedBy === undefined) return dropHostCode(instance, id, `${host?.from}#[resource-drop]${host?.name}`);
    const destructor = this.#linked.destructors.get(resource);
    const callee = destructor && this.#callee(destructor);
    if (this.#hasTasks && callee !== undefined) return dropTaskCode(instance, id, definedBy, callee);
    return dropCode(instance, id, this.#resources.entering(definedBy, instance), callee);
  }

  #lowered({ func, options, instance }: Extract<CoreItem, { kind: 'lower' }>): string {
    const { type, definition } = func;
    this.#check(type);
    if (this.#hasTasks && definition.kind === 'lift') {
      const lift = this.#liftOf.get(this.#lifted(func, instance)) as number;
      return `abi.tasks.lowered(${lowerPlanCode(type, this.#slots(options, instance, false), options.async, { lift })})`;
    }
    if (definition.kind === 'lift') {
      const slots = this.#slots(options, instance, false);
      const index = this.#lifted(func, instance);
      const nests = this.#exported[index]?.nested !== undefined;
      const mayWait = this.#waitingInstances.has(definition.instance);
      return importCode(type, slots, { host: -1, how: { kind: 'lifted', index, nests, mayWait }, name: '' });
    }
    if (
      typesOf(type)
        .flatMap(resourcesIn)
        .some((part) => !part.resource.imported)
    ) {
      throw new NotDirect('gives resources of its own to an imported function');
    }
    const { slot, how } = hostCall(definition.path);
    const slots = this.#slots(options, instance, true);
    const name = definition.path.join('#');
    if (this.#hasTasks) {
      const host = this.#host.push(slot) - 1;
      const ours = isOurs(name) ? `s.ours[${host}]` : undefined;
      return `abi.tasks.lowered(${lowerPlanCode(type, { ...slots, ours }, options.async, { host, how, name })})`;
    }
    return importCode(type, slots, { host: this.#host.push(slot) - 1, how, name, waits: mayWait(definition.path) });
  }

  /** An expression for a core function. */
  #callee(item: CoreItem): string {
    if (item.kind === 'core export') return `s.func${this.#func(item)}`;
    const [, argument] = this.#argument('', item);
    return argument.kind === 'trampoline' ? `trampolines[${argument.index}]` : '';
  }

  /** @param outside whether the host or the embedder is at the other end of the call, and not another component instance */
  #slots(options: LinkedOptions, instance: number, outside: boolean, entering: readonly number[] = []): FunctionSlots {
    if (options.others.length > 0) throw new NotDirect(`uses canonical option ${options.others[0]}`);
    const func = (item: CoreItem | undefined): number | undefined =>
      item === undefined ? undefined : this.#func(item);
    return {
      encoding: options.encoding,
      wide: options.memory !== undefined && memoryOf(this.#linked, options.memory)?.is64 === true,
      instance,
      outside,
      payload: (type) => this.#payload(type),
      memory: options.memory === undefined ? undefined : this.#memory(options.memory),
      realloc: func(options.realloc),
      hasNumbers: this.#contexts.instances.has(instance),
      postReturn: func(options.postReturn),
      entering,
      resource: ({ resource }) => {
        const { id, definedBy, host } = this.#resources.of(resource);
        if (host !== undefined) this.#needed.add(host.from);
        const as = definedBy === undefined ? 'host object' : outside ? 'given object' : 'number';
        return { id, as, definedBy };
      },
      keptText: () => {
        const name = `kept${this.#keptTexts.length}`;
        this.#keptTexts.push(name);
        return name;
      },
    };
  }

  #check(type: FuncType): void {
    const types = typesOf(type);
    this.#nodes += types.reduce((sum, part) => sum + part.nodes, 0);
    if (this.#nodes > MAX_NODES) throw new NotDirect(`has functions whose types have more than ${MAX_NODES} parts`);
    if (types.some((part) => holds(part, 'error-context'))) throw new NotDirect('uses error contexts');
    if (types.some((part) => holds(part, 'map'))) throw new NotDirect('uses maps');
  }

  #memory(item: CoreItem): number {
    return slotOf(this.#memories, item, 'memory');
  }

  #func(item: CoreItem): number {
    return slotOf(this.#funcs, item, 'function');
  }
}

/** The component instances that import a function which may have to wait, and all that call such an instance, directly or indirectly. */
function waitingInstances({ steps }: LinkedComponent): ReadonlySet<number> {
  const found = new Set<number>();
  const callers = new Map<number, Set<number>>();
  const items = new Set(
    steps.flatMap(({ args }) => args.flatMap(({ value }) => (value.kind === 'exports' ? [value.exports] : []))),
  );
  for (const item of [...items].flatMap((exports) => [...exports.values()])) {
    if (item.kind === 'builtin' && builtinBlocks(item)) found.add(item.instance);
    if (item.kind !== 'lower') continue;
    const { definition, type } = item.func;
    if (type.async && !item.options.async) found.add(item.instance);
    if (definition.kind !== 'lift') {
      if (!item.options.async && mayWait(definition.path)) found.add(item.instance);
      continue;
    }
    const known = callers.get(definition.instance) ?? new Set();
    callers.set(definition.instance, known.add(item.instance));
  }
  for (const instance of found) for (const caller of callers.get(instance) ?? []) found.add(caller);
  return found;
}

function typesOf({ params, result }: FuncType): ValueType[] {
  return [...params.map((param) => param.type), ...(result === undefined ? [] : [result])];
}

function slotOf(
  slots: Map<string, { step: number; name: string; slot: number }>,
  item: CoreItem,
  what: string,
): number {
  if (item.kind !== 'core export') throw new NotDirect(`lifts with a ${what} that is no core module's`);
  const key = `${item.instance} ${item.name}`;
  const known = slots.get(key);
  if (known !== undefined) return known.slot;
  const slot = slots.size;
  slots.set(key, { step: item.instance, name: item.name, slot });
  return slot;
}

function slotsByStep(
  slots: ReadonlyMap<string, { step: number; name: string; slot: number }>,
): Map<number, { slot: number; name: string }[]> {
  const found = new Map<number, { slot: number; name: string }[]>();
  for (const { step, name, slot } of slots.values()) {
    const ofStep = found.get(step);
    if (ofStep === undefined) found.set(step, [{ slot, name }]);
    else ofStep.push({ slot, name });
  }
  return found;
}

/** The text of a function that calls a trampoline while its turn cannot be suspended, with parameters of its own where they are known. */
function unsuspendedCode(text: string, index: number): string {
  const parameters = /^function \(([a-z0-9, ]*)\) \{/.exec(text)?.[1];
  if (parameters === undefined) return `abi.unsuspended(execution, call${index})`;
  return `function (${parameters}) {
const t = execution.running, was = t.mayWait, could = t.suspendable;
t.mayWait = could; t.suspendable = false;
try { return call${index}(${parameters}); } finally { t.suspendable = could; t.mayWait = was; }
}`;
}

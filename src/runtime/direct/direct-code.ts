import { compileFunction } from 'node:vm';
import { KeptBytes, Quota } from '#core/limits';
import { CONTEXT } from '#core/ports/meter';
import type { ComponentExports, InstanceStore, MessageCalls } from '#runtime/code';
import { hostWouldBlock } from '#runtime/code';
import { trap } from '#runtime/exchange';
import { execution, type Turn, type TurnScheduler } from '#runtime/execution';
import { AnswerChecks } from '#runtime/exports';
import { isFromEmbedder, isFromHost, isOnlyForHost, tracedMethod } from '#runtime/host';
import type { GivenResources, ResourceHolder } from '#runtime/resources';
import type { SideBySide } from '#runtime/tasks';
import { RuntimeError } from '../errors.ts';
import type { LiftBounds } from '../heap-cost.ts';
import { ABI } from './abi.ts';
import type { DirectPlan, PlannedExport, PlannedResource, PlannedStep } from './call-plan.ts';
import { HandleQuota, HandleTable } from './handle-table.ts';
import type { HostFunction, HostSlot } from './host-slot.ts';
import { MemoryView } from './memory-view.ts';
import { StoreTasks } from './store-tasks.ts';
import { type StackScheduler, TaskStacks } from './task-stacks.ts';

type Func = (...args: never[]) => unknown;

type Exported = (state: State, ...args: readonly unknown[]) => unknown;

/** The key under which an instance's exports hold its state. It is a symbol, because the component chooses the other names. */
const STATE = Symbol('state');
type DirectExports = ComponentExports & { readonly [STATE]: State };

/** What the generated code of a component returns. */
interface Generated {
  readonly State: new (
    host: Host,
    handles: readonly HandleTable[],
    store: InstanceStore,
    given: GivenResources | undefined,
  ) => State;
  readonly exported: readonly Exported[];
  readonly trampolines: readonly Func[];
  readonly interfaces: readonly Interface[];
  /** What destroys a resource, by the number of its type, which the component defines. */
  readonly destroys: ReadonlyMap<number, (state: State, representation: unknown) => void>;
}

/** An exported interface: its instances hold a store's state and have its functions as methods. */
interface Interface {
  new (state: State): object;
  stateOf(object: object): State;
}

/**
 * The state of one store, on which the code works that all stores of a component share: the view of the store's first
 * memory, and slots for the other exports of its core modules.
 */
type State = MemoryView &
  Record<`func${number}`, Func> &
  Record<`adapter${number}`, Func | undefined> &
  Record<`memory${number}`, MemoryView> &
  Record<`table${number}`, WebAssembly.Table> & { tasks: StoreTasks | undefined };

/** The host's side of a component's imports, in the order of its plan. */
interface Host {
  readonly host: readonly unknown[];
  readonly classes: readonly unknown[];
  /** Whether each is a function of the host, which is given its caller first. */
  readonly ours: readonly boolean[];
  /** Whether each is one of those that is called as it is, without a span. */
  readonly plain: readonly boolean[];
  /** How each method of ours is called that is a span; undefined for all others. */
  readonly traced: readonly ReturnType<typeof tracedMethod>[];
  /** The checks of what functions answer that an embedder gave; undefined for functions of our own. */
  readonly checks: readonly (((answer: unknown) => unknown) | undefined)[];
}

/** Takes the scheduler's place where guests cannot be suspended. */
const NEVER_WAITS: Pick<TurnScheduler, 'wait' | 'waitOutside' | 'nests'> = {
  wait: refuseToWait,
  waitOutside: refuseToWait,
  nests: () => false,
};

const NO_STORE: InstanceStore = {
  stop: (reason) => {
    throw reason;
  },
};
const NO_STACKS: StackScheduler = {
  suspends: false,
  mayNest: false,
  parkStack: refuseToSuspend,
  waitUntilTold: (_, name) => {
    throw hostWouldBlock(name, undefined);
  },
  wentOn: () => {},
};

function refuseToSuspend(): never {
  trap('the component would have to wait, and this runtime has no turns that wait');
}

function refuseToWait(_: Turn, promise: PromiseLike<unknown>, name: string): never {
  throw hostWouldBlock(name, promise);
}

/**
 * The direct path into a component. It takes and answers the same values as jco's generated glue, and makes an instance by
 * the same call, but all stores share its code.
 */
export class DirectCode {
  readonly #plan: DirectPlan;
  readonly #answers: () => AnswerChecks;
  readonly #generated: Generated;
  readonly #hosts = new WeakMap<object, Host>();
  readonly #functions: ReadonlyMap<string, Exported>;
  readonly #scheduler: TurnScheduler | undefined;

  /**
   * @param answers makes the checks of what an embedder's functions answer
   * @param scheduler suspends guests; with it an exported function answers a `Later`, or a promise, where its guest was suspended, and
   * without it no guest is ever suspended
   */
  constructor(plan: DirectPlan, answers: () => AnswerChecks = () => new AnswerChecks([]), scheduler?: TurnScheduler) {
    this.#plan = plan;
    this.#answers = answers;
    this.#scheduler = scheduler;
    const types: (PlannedResource | undefined)[] = [];
    for (const resource of plan.resources) types[resource.id] = resource;
    const names = ['abi', 'execution', 'types', 'scheduler', 'suspends'];
    this.#generated = compileFunction(plan.source, names, { filename: 'vivarium:direct' })(
      ABI,
      execution,
      types,
      scheduler ?? NEVER_WAITS,
      scheduler !== undefined,
    ) as Generated;
    const { exported } = this.#generated;
    this.#functions = new Map(plan.functions.map(({ name, func }) => [name, exported[func] as Exported]));
  }

  /**
   * Makes an instance, core module by core module. It must run in a turn, as must every call of a function that it answers.
   *
   * @param module a compiled core module by its place in the component's file
   * @param imports interfaces by name, with functions and classes under the names that jco gives them
   * @param link instantiates a core module
   * @param store the store that the instance is made for, which the host's functions get as their caller. Where it does not bound
   * the lifting of values, each memory's size does; where it is left out, what would end it is thrown.
   * @param hostCalled called when a core module calls a function of the host or of the canonical ABI. Without it the modules are given
   * those functions as they are, which is faster.
   * @returns functions by name, and interfaces as objects of functions
   * @throws {RuntimeError} `RUNTIME_MISSING_IMPORT`
   */
  instantiate(
    module: (index: number) => WebAssembly.Module,
    imports: Readonly<Record<string, unknown>>,
    link: (module: WebAssembly.Module, imports: WebAssembly.Imports) => WebAssembly.Exports,
    store: InstanceStore = NO_STORE,
    hostCalled?: () => void,
  ): ComponentExports {
    const instances: WebAssembly.Exports[] = [];
    const lists: WebAssembly.ModuleImports[] = [];
    return this.#inStore(imports, store, (step, state) => {
      const given = this.#arguments(step.args, instances, lists, hostCalled);
      if (state.tasks !== undefined && step.contexts.length > 0) given[CONTEXT] = state.tasks.contexts(step.contexts);
      const exports = link(module(step.module), given);
      instances.push(exports);
      return exports;
    });
  }

  /**
   * Gives a store core instances that were made for another store of the component and have been renewed. It must run in a turn.
   * @param instances what they export, in the order in which they were linked
   */
  reuse(
    instances: readonly WebAssembly.Exports[],
    imports: Readonly<Record<string, unknown>>,
    store: InstanceStore,
  ): ComponentExports {
    return this.#inStore(imports, store, (_step, _state, at) => instances[at] as WebAssembly.Exports);
  }

  #inStore(
    imports: Readonly<Record<string, unknown>>,
    store: InstanceStore,
    exportsOf: (step: PlannedStep, state: State, at: number) => WebAssembly.Exports,
  ): ComponentExports {
    const plan = this.#plan;
    const hold = store.hold === undefined ? undefined : (store as ResourceHolder);
    const bounds = store.look === undefined ? undefined : (store as LiftBounds);
    const { hostMemory = new Quota(Number.POSITIVE_INFINITY) } = store;
    const handles = this.#handleTables(hostMemory);
    const given = plan.resources.length === 0 ? undefined : this.#given(hold, () => state);
    const state: State = new this.#generated.State(this.#hostOf(imports), handles, store, given);
    execution.running.entry = state;
    const keep = (): KeptBytes => new KeptBytes({ hostMemory, currentCall: store.currentCall });
    state.tasks = this.#tasks(handles, keep, bounds, store.sideBySide);
    let at = 0;
    for (const step of plan.steps) {
      const exports = exportsOf(step, state, at++);
      for (const { slot, name } of step.funcs) state[`func${slot}`] = exports[name] as Func;
      for (const { slot, name } of step.tables) state[`table${slot}`] = exports[name] as WebAssembly.Table;
      for (const { slot, name } of step.adapters) state[`adapter${slot}`] = exports[name] as Func | undefined;
      for (const { slot, name } of step.memories) {
        const memory = exports[name] as WebAssembly.Memory;
        if (slot === 0) state.attach(memory, bounds);
        else state[`memory${slot}`] = new MemoryView().attach(memory, bounds);
      }
    }
    return this.#exportsOf(state, plan.exports);
  }

  /** How the stores take messages through the interface `lifecycle`; undefined where the component does not export it. */
  messages(lifecycle: string): MessageCalls | undefined {
    const target = this.#plan.exports.find(({ name }) => name === lifecycle)?.target;
    if (target === undefined || !('interface' in target)) return undefined;
    const lifecycleClass = this.#generated.interfaces[target.interface] as Interface;
    const call = (member: string): unknown => this.#functions.get(`${lifecycle}#${member}`);
    return {
      entryOf: (found) => lifecycleClass.stateOf(found),
      handleMessage: call('handle-message') as MessageCalls['handleMessage'],
      handleCallback: call('handle-callback') as MessageCalls['handleCallback'],
    };
  }

  #tasks(
    handles: readonly HandleTable[],
    keep: () => KeptBytes,
    bounds: LiftBounds | undefined,
    calls: SideBySide | undefined,
  ): StoreTasks | undefined {
    const { tasks } = this.#plan;
    if (tasks === undefined) return undefined;
    const parents = tasks.map((parent) => (parent < 0 ? undefined : parent));
    const stacks = new TaskStacks(execution, execution.running, this.#scheduler ?? NO_STACKS, () => bounds?.look());
    const made: StoreTasks = new StoreTasks({
      stacks,
      parents,
      handles,
      keep,
      contexts: this.#plan.contexts ?? [],
      calls,
    });
    const discarded = (reason: unknown): void => {
      made.end(reason);
      stacks.end();
    };
    execution.running.discarded = discarded;
    return made;
  }

  #handleTables(hostMemory: Quota): readonly HandleTable[] {
    const { classes, resources, instances } = this.#plan;
    if (classes.length === 0 && resources.length === 0 && this.#plan.tasks === undefined) return [];
    const quota = new HandleQuota(hostMemory);
    return Array.from({ length: instances }, () => new HandleTable(quota));
  }

  #given(hold: ResourceHolder | undefined, state: () => State): GivenResources | undefined {
    const { destroys } = this.#generated;
    return hold?.hold((type, representation) => {
      const destroy = (): void => destroys.get((type as PlannedResource).id)?.(state(), representation);
      const { tasks } = state();
      if (tasks === undefined) destroy();
      else tasks.store.dropBeforeCall(() => tasks.runDestructor((type as PlannedResource).definedBy, destroy));
    });
  }

  /** An exported function of an instance that `instantiate` made, by its WIT name; undefined where there is none. */
  functionOf(exports: ComponentExports, name: string): ((...args: readonly unknown[]) => unknown) | undefined {
    const call = this.#functions.get(name);
    const state = (exports as DirectExports)[STATE];
    return call === undefined ? undefined : (...args) => call(state, ...args);
  }

  #arguments(
    args: DirectPlan['steps'][number]['args'],
    instances: readonly WebAssembly.Exports[],
    lists: WebAssembly.ModuleImports[],
    hostCalled: (() => void) | undefined,
  ): WebAssembly.Imports {
    const imports: Record<string, WebAssembly.ModuleImports> = Object.create(null);
    for (const { name, value } of args) {
      if ('step' in value) imports[name] = instances[value.step] as WebAssembly.Exports;
      else {
        lists[value.list] ??= this.#items(value.list, instances, hostCalled);
        imports[name] = lists[value.list] as WebAssembly.ModuleImports;
      }
    }
    return imports;
  }

  /** Makes the items of a list, which all core modules of a store that are given the list share. */
  #items(
    list: number,
    instances: readonly WebAssembly.Exports[],
    hostCalled: (() => void) | undefined,
  ): WebAssembly.ModuleImports {
    const { trampolines } = this.#generated;
    const items: WebAssembly.ModuleImports = Object.create(null);
    for (const [key, item] of this.#plan.lists[list] as DirectPlan['lists'][number]) {
      items[key] =
        item.kind === 'trampoline'
          ? noticed(trampolines[item.index] as Func, hostCalled)
          : ((instances[item.step] as WebAssembly.Exports)[item.name] as WebAssembly.ExportValue);
    }
    return items;
  }

  #exportsOf(state: State, planned: readonly PlannedExport[]): ComponentExports {
    const { exported, interfaces } = this.#generated;
    const exports: Record<string | symbol, unknown> = Object.create(null);
    exports[STATE] = state;
    for (const { name, target } of planned) {
      if ('interface' in target) {
        exports[name] = new (interfaces[target.interface] as Interface)(state);
      } else {
        const call = exported[target.func] as Exported;
        const own = (...args: readonly unknown[]): unknown => call(state, ...args);
        exports[name] = own;
      }
    }
    return exports;
  }

  /** Finds the host's side of the imports, once for all stores that are given the same imports. */
  #hostOf(imports: Readonly<Record<string, unknown>>): Host {
    let found = this.#hosts.get(imports);
    if (found === undefined) {
      const ours = this.#plan.host.map(({ from }) => isFromHost(imports[from]));
      const traced = this.#plan.host.map(({ name, from }) => tracedMethod(name, imports[from]));
      found = {
        host: this.#plan.host.map((slot) => required(imports, slot)),
        classes: this.#plan.classes.map((slot) => lookUp(imports, slot)),
        ours,
        plain: ours.map((isOurs, at) => isOurs && traced[at] === undefined),
        traced,
        checks: this.#plan.host.map(({ name, from }) =>
          isFromEmbedder(imports[from]) ? (answer) => this.#answers().check(name, answer) : undefined,
        ),
      };
      this.#hosts.set(imports, found);
    }
    return found;
  }
}

function noticed(call: Func, notice: (() => void) | undefined): Func {
  if (notice === undefined) return call;
  return (...args: never[]) => {
    notice();
    return call(...args);
  };
}

function required(imports: Readonly<Record<string, unknown>>, slot: HostFunction): unknown {
  const found = lookUp(imports, slot);
  if (typeof found === 'function' && !isOnlyForHost(slot.name, imports[slot.from])) return found;
  throw new RuntimeError(
    'RUNTIME_MISSING_IMPORT',
    `the component imports ${slot.name}, which what was given for ${slot.from} does not have`,
  );
}

function lookUp(imports: Readonly<Record<string, unknown>>, { from, property }: HostSlot): unknown {
  const owner = imports[from];
  return typeof owner === 'object' && owner !== null ? (owner as Record<string, unknown>)[property] : undefined;
}

import type { KeptBytes } from '#core/limits';
import { trap } from '#runtime/exchange';
import type { GivenResources } from '#runtime/resources';
import {
  CopyEnd,
  KeptAnswer,
  type LiftedFunction,
  type MainCall,
  type SharedCopy,
  type SideBySide,
  type Task,
  TaskInstance,
  TaskStore,
  type Thread,
} from '#runtime/tasks';
import type { DirectPlan } from './call-plan.ts';
import type { HandleTable } from './handle-table.ts';
import type { MemoryView } from './memory-view.ts';
import type { TaskStacks } from './task-stacks.ts';

/** The state of a store, as far as the code of tasks uses it. */
export interface State extends MemoryView {
  readonly tasks: StoreTasks;
  readonly handles: readonly HandleTable[];
  readonly given: Pick<GivenResources, 'takeClaims' | 'endCall'> | undefined;
  answeredError: boolean;
  fail(thrown: unknown): never;
}

/** What the planner says of a lifted function. Functions are given the state of the store first. */
export interface LiftPlan
  extends Pick<LiftedFunction, 'isAsync' | 'isAsyncLift' | 'hasCallback' | 'returns' | 'hasStack'> {
  readonly index: number;
  readonly instance: number;
  /** Whether guest code runs in it, and not a built-in that was lifted. */
  readonly isGuest: boolean;
  /** Whether the embedder calls it, and not another component instance. */
  readonly isFromHost: boolean;
  readonly parameters: string;
  readonly results: string;
  core(s: State): (...args: never[]) => unknown;
  callback(s: State): (...args: never[]) => unknown;
  lower(s: State, scope: Task, args: readonly unknown[]): readonly unknown[];
  lift(s: State, raw: unknown): unknown;
  after(s: State, raw: unknown): void;
  /** Marks resources that the embedder gives; undefined where there are none. */
  readonly claim: ((s: State, ...args: readonly unknown[]) => void) | undefined;
  readonly isResult: boolean;
  /** Turns an answer into the one that the embedder gets. */
  outward(s: State, value: unknown): unknown;
}

/** A lifted function of one store. */
export interface LiftedExport extends LiftedFunction {
  readonly s: State;
  readonly plan: LiftPlan;
}

/** What the planner says of a lowered function. */
export interface LowerPlan {
  readonly instance: number;
  readonly isAsyncLower: boolean;
  /** What a guest is answered whose thread is suspended, and which will call again. */
  readonly zero: unknown;
  mayLeave(s: State): boolean;
  liftArgs(s: State, lent: unknown[], flat: readonly unknown[]): readonly unknown[];
  /** @param out the caller's last core argument, which is where the result goes if it is not answered */
  lowerResult(s: State, value: unknown, out: unknown): unknown;
  /** The exported function of another component instance; undefined for a function of the host. */
  readonly callee: LiftPlan | undefined;
  readonly host: HostPlan | undefined;
}

export interface HostPlan {
  readonly name: string;
  readonly mayHaveThen: boolean;
  /** Whether a promise that it answers is the future of its type, and not an answer that comes later. */
  readonly isFuture: boolean;
  call(s: State, args: readonly unknown[]): unknown;
  answer(s: State, raw: unknown): unknown;
  /** The value that stands for what the host function threw. @throws where its type has no error case */
  failed(s: State, thrown: unknown): unknown;
}

/** How values of one payload lie in an instance's memory. `size` is 0 where there is no payload. */
export interface PayloadPlan {
  readonly type: number;
  readonly isFuture: boolean;
  readonly isNumeric: boolean;
  readonly hasValue: boolean;
  readonly size: number;
  address(pointer: unknown): number;
  check(s: State, at: number, count: number): void;
  load(s: State, at: number, count: number): ArrayLike<unknown>;
  /** Bytes of the host that the values take which `load` has just answered; not for numbers, which are a view of the memory. */
  lifted(s: State): number;
  store(s: State, values: ArrayLike<unknown>, at: number): void;
}

/** What the tasks of one store use. */
export interface StoreTaskParts {
  readonly stacks: TaskStacks;
  /** For each component instance the one that contains it. */
  readonly parents: readonly (number | undefined)[];
  readonly handles: readonly HandleTable[];
  /** Begins to count what the host keeps for the call that runs. */
  readonly keep: () => KeptBytes;
  /** The numbers of threads that guest code reads and sets as globals. */
  readonly contexts: NonNullable<DirectPlan['contexts']>;
  /** The owner of calls that run side by side, where the store may serve several. */
  readonly calls: SideBySide | undefined;
}

/** A guest's `realloc`, of either size of memory. */
type Allocator = (...args: (number | bigint)[]) => number | bigint;

/** The tasks of one store. */
export class StoreTasks {
  readonly store: TaskStore;
  readonly stacks: TaskStacks;
  readonly instances: readonly TaskInstance[];
  readonly #lifted: LiftedExport[] = [];
  readonly #allocators: Allocator[] = [];
  readonly #keep: () => KeptBytes;
  #ended: { readonly reason: unknown } | undefined;
  /** What to tell that the store has ended: reads and writes of the host that are under way. */
  readonly #ends = new Set<(reason: unknown) => void>();
  readonly #calls: SideBySide | undefined;
  /** The thread of guest code that runs outside of tasks: start functions and allocators. */
  readonly #roots: readonly Thread[];

  constructor({ stacks, parents, handles, keep, contexts, calls }: StoreTaskParts) {
    this.#keep = keep;
    this.#calls = calls;
    this.stacks = stacks;
    this.store = new TaskStore(stacks, (thrown) => this.end(thrown), calls);
    stacks.serve(this.store);
    const instances: TaskInstance[] = [];
    parents.forEach((parent, index) => {
      instances.push(
        new TaskInstance(
          index,
          parent === undefined ? undefined : instances[parent],
          handles[index] as HandleTable,
          this.store,
        ),
      );
    });
    this.instances = instances;
    for (const { instance, slot, wide } of contexts) instances[instance]?.keepContext(slot as 0 | 1, wide);
    this.#roots = instances.map((instance) => instance.threadOutside());
  }

  /** Registers what is called when the store ends. Answers what takes it back. */
  onEnd(tell: (reason: unknown) => void): () => void {
    const ended = this.#ended;
    if (ended !== undefined) {
      queueMicrotask(() => tell(ended.reason));
      return () => {};
    }
    this.#ends.add(tell);
    return () => this.#ends.delete(tell);
  }

  end(reason: unknown): void {
    this.#ended ??= { reason };
    for (const tell of this.#ends) tell(reason);
    this.#ends.clear();
  }

  /** The globals that a core instance is given in place of context built-ins, by their slots. */
  contexts(given: readonly { readonly slot: number; readonly instance: number }[]): WebAssembly.ModuleImports {
    const globals: WebAssembly.ModuleImports = Object.create(null);
    for (const { slot, instance } of given) {
      globals[`${slot}`] = this.instance(instance).context(slot) as WebAssembly.Global;
    }
    return globals;
  }

  /**
   * Wraps the allocator of an instance that uses the numbers of its threads. It runs as a thread of its own, whose numbers begin at 0 and do
   * not outlive it: a guest that keeps the place of its stack there sets it as at the beginning of a task.
   * @param slot the allocator's, of which the store keeps the wrapper
   */
  allocator(instance: number, slot: number, realloc: Allocator): Allocator {
    const inside = this.instance(instance);
    this.#allocators[slot] ??= (...args) => {
      const thread = this.thread(instance);
      const [first, second] = [inside.numberOf(thread, 0), inside.numberOf(thread, 1)];
      if (first !== 0) inside.setNumberOf(thread, 0, 0);
      if (second !== 0) inside.setNumberOf(thread, 1, 0);
      const pointer = realloc(...args);
      if (inside.numberOf(thread, 0) !== first) inside.setNumberOf(thread, 0, first);
      if (inside.numberOf(thread, 1) !== second) inside.setNumberOf(thread, 1, second);
      return pointer;
    };
    return this.#allocators[slot] as Allocator;
  }

  /** Calls a destructor of an instance. It runs in a thread of its own, whose numbers are 0 and do not outlive it. */
  runDestructor(instance: number, work: () => void): void {
    this.store.runFor(this.instance(instance).threadOutside(this.#calls?.charged), work);
  }

  /**
   * Charges the store for what the host keeps. Answers what gives it back, which may be called at any time.
   * @throws {AbiTrap} when the host may keep no more for the store
   */
  occupy(bytes: number): () => void {
    const { handles } = this.instance(0);
    handles.occupy(bytes);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      handles.vacate(bytes);
    };
  }

  /** What the host keeps of the answer that is given now, until its call has ended. */
  keptAnswer(): KeptAnswer {
    const call = this.store.answering as MainCall;
    call.kept ??= new KeptAnswer(this.#keep());
    return call.kept;
  }

  instance(index: number): TaskInstance {
    return this.instances[index] as TaskInstance;
  }

  thread(instance: number): Thread {
    return this.store.current ?? (this.#roots[instance] as Thread);
  }

  lifted(s: State, plan: LiftPlan): LiftedExport {
    this.#lifted[plan.index] ??= {
      s,
      plan,
      isAsync: plan.isAsync,
      isAsyncLift: plan.isAsyncLift,
      hasCallback: plan.hasCallback,
      returns: plan.returns,
      hasStack: plan.hasStack || (plan.isGuest && this.stacks.preempts(plan.isFromHost)),
      core: { callee: plan.core(s), parameters: plan.parameters, results: plan.results },
      callback: plan.hasCallback ? { callee: plan.callback(s), parameters: 'iii', results: 'i' } : undefined,
      lower: (task, args) => plan.lower(s, task, args),
      lift: (raw) => plan.lift(s, raw),
      after: (raw) => plan.after(s, raw),
    };
    return this.#lifted[plan.index] as LiftedExport;
  }

  /** Takes the readable end of a stream or future from a guest that passes it on. */
  takeEnd(instance: number, handle: number, type: number, isFuture: boolean): SharedCopy {
    const end = this.instance(instance).handles.takeOther(handle);
    if (!(end instanceof CopyEnd) || !end.isReadable || end.shared.isFuture !== isFuture) {
      trap(`handle ${handle} is no readable end of a ${isFuture ? 'future' : 'stream'}`);
    }
    if (end.shared.type !== type) trap('a stream or future of another type is passed on');
    if (end.state !== 'idle') trap('a stream or future is passed on while it copies, or after its end');
    if (end.isInSet) trap('a stream or future is passed on while it is in a waitable set');
    return end.shared;
  }

  addEnd(instance: number, shared: SharedCopy): number {
    return this.instance(instance).handles.addOther(new CopyEnd(shared, true));
  }
}

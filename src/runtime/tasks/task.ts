import { trap } from '#runtime/exchange';
import type { OutsideCall } from './side-by-side.ts';

export type TaskState = 'initial' | 'started' | 'cancel pending' | 'cancel delivered' | 'resolved';

/** What a task is of: how the function was lifted. */
export interface TaskKind {
  /** Whether the function's type is asynchronous. */
  readonly isAsync: boolean;
  /** Whether it was lifted with the option `async`, and with a callback. */
  readonly isAsyncLift: boolean;
  readonly hasCallback: boolean;
  /** Stands for the result's type and the options by which `task.return` must lift it. */
  readonly returns: number;
}

/** Told how a task ends: with its value, or cancelled. */
export type OnResolve = (value: unknown, isCancelled: boolean) => void;

/** One call into a component instance. */
export class Task {
  readonly kind: TaskKind;
  readonly instance: TaskInstance;
  /** The call from outside for which it runs, where a store serves several side by side. */
  readonly call: OutsideCall | undefined;
  readonly #onStart: () => readonly unknown[];
  readonly #onResolve: OnResolve;
  state: TaskState = 'initial';
  /** Handles that it was lent and has not dropped. It may not answer while it has any. */
  borrows = 0;
  implicit: Thread | undefined = undefined;
  readonly threads = new Set<Thread>();

  constructor(
    kind: TaskKind,
    instance: TaskInstance,
    onStart: () => readonly unknown[],
    onResolve: OnResolve,
    call?: OutsideCall,
  ) {
    this.kind = kind;
    this.call = call;
    this.instance = instance;
    this.#onStart = onStart;
    this.#onResolve = onResolve;
  }

  /** Whether its guest code may not run while another such task of the instance does. */
  get needsExclusive(): boolean {
    return this.kind.isAsync && (!this.kind.isAsyncLift || this.kind.hasCallback);
  }

  /** Its arguments, which its caller's values become now. */
  start(): readonly unknown[] {
    this.state = 'started';
    return this.#onStart();
  }

  /** @throws {AbiTrap} when it has answered already, or has not dropped what it was lent */
  answer(value: unknown): void {
    if (this.state === 'resolved') trap('a task answers twice');
    this.#resolve(value, false);
  }

  /** @throws {AbiTrap} when nobody has asked it to end */
  cancel(): void {
    if (this.state !== 'cancel delivered') trap('a task ends as cancelled that was not told to');
    this.#resolve(undefined, true);
  }

  #resolve(value: unknown, isCancelled: boolean): void {
    if (this.borrows > 0) trap('the component answered and did not drop what it was lent');
    this.#onResolve(value, isCancelled);
    this.state = 'resolved';
  }

  /** Whether a pending cancellation is delivered now. */
  takesCancel(cancellable: boolean): boolean {
    if (!cancellable || this.state !== 'cancel pending') return false;
    this.state = 'cancel delivered';
    return true;
  }

  register(thread: Thread): void {
    this.threads.add(thread);
    this.instance.handles.occupy();
    thread.index = this.instance.threads.add(thread);
  }

  /** @throws {AbiTrap} when its last thread ends and it has not answered */
  unregister(thread: Thread): void {
    this.threads.delete(thread);
    if (this.threads.size === 0 && this.state !== 'resolved') trap('a task ended without an answer');
    this.instance.threads.remove(thread.index);
    this.instance.handles.vacate();
    thread.index = 0;
  }
}

/** Goes on with a thread. Answers whether control is back: false where a stack took the thread over, which says so later. */
export type Resume = (cancelled: boolean) => boolean;

/** A thread of a guest: one course of control within a task. */
export class Thread {
  readonly task: Task;
  /** Its number in its instance; 0 before it has begun and after its end. */
  index = 0;
  /** Whether it may be told of a cancellation while it waits. */
  cancellable = false;
  /** What `context.get` reads and `context.set` writes. */
  readonly storage: [number | bigint, number | bigint] = [0, 0];
  /** What goes on with it; undefined while it runs. */
  resume: Resume | undefined = undefined;
  /** Whether it could go on now; undefined where it is suspended and does not wait for anything. */
  ready: (() => boolean) | undefined = undefined;
  /** The rest of the built-in in which it was suspended, for which its guest calls the built-in again. */
  rest: (() => unknown) | undefined = undefined;
  /** Whether it runs on a stack that it can be suspended on. */
  hasStack = false;
  /** What `Stacks` keeps of its stack. */
  stack: object | undefined = undefined;
  readonly wake: () => void;

  /** @param wake puts it into the line of those that may be ready */
  constructor(task: Task, wake: (thread: Thread) => void) {
    this.task = task;
    this.wake = () => wake(this);
  }

  get isSuspended(): boolean {
    return this.resume !== undefined && this.ready === undefined;
  }

  get isReady(): boolean {
    return this.resume !== undefined && this.ready?.() === true;
  }
}

/** The part of an instance's handle table that does not concern resources. Unknown handles are traps. */
export interface Handles {
  addOther(value: object): number;
  other(handle: number): object;
  takeOther(handle: number): object;
  /** Charges the store for a thread, until `vacate`. @throws {AbiTrap} when the store may not have one more */
  occupy(): void;
  vacate(): void;
}

/** A component instance as its tasks see it. */
export class TaskInstance {
  readonly index: number;
  /** This instance and those that contain it. */
  readonly around: readonly TaskInstance[];
  readonly handles: Handles;
  readonly threads = new ThreadTable();
  /** Whether a call of it runs now. It may not be entered then. */
  isEntered = false;
  /** How often the guest has asked that no new task begin. */
  backpressure = 0;
  /** The thread of the one task that may run guest code which does not expect others between. */
  exclusive: Thread | undefined = undefined;
  /** Threads that wait until they may begin, oldest first: those that need the instance for themselves, and others. */
  readonly #entering = { alone: new Set<Thread>(), beside: new Set<Thread>() };
  /** Threads that had what they waited for while another one held the instance. */
  readonly held = new Set<Thread>();
  /** The numbers of the thread that runs, where guest code reads and sets them as globals, by slot. */
  readonly #contexts: WebAssembly.Global[] = [];
  /** The thread whose numbers the globals hold. */
  #contextOf: Thread | undefined;
  readonly #entered = new Map<TaskInstance | undefined, readonly TaskInstance[]>();

  constructor(index: number, parent: TaskInstance | undefined, handles: Handles) {
    this.index = index;
    this.handles = handles;
    this.around = [this, ...(parent?.around ?? [])];
  }

  /** The instances that a call from `caller` enters: this one and those around it, without the caller's. */
  entered(caller: TaskInstance | undefined): readonly TaskInstance[] {
    let found = this.#entered.get(caller);
    if (found === undefined) {
      found = this.around.filter((each) => caller === undefined || !caller.around.includes(each));
      this.#entered.set(caller, found);
    }
    return found;
  }

  /** Makes the global of a slot, which core instances are given. */
  keepContext(slot: 0 | 1, wide: boolean): void {
    this.#contexts[slot] = wide
      ? new WebAssembly.Global({ value: 'i64', mutable: true }, 0n)
      : (new WebAssembly.Global({ value: 'i32', mutable: true }, 0) as WebAssembly.Global);
  }

  /** The global of a slot; undefined where functions read and set the number instead. */
  context(slot: number): WebAssembly.Global | undefined {
    return this.#contexts[slot];
  }

  /** Lets the globals hold the numbers of a thread of the instance, whose guest code runs next. */
  takeContext(thread: Thread): void {
    const contexts = this.#contexts;
    if (contexts.length === 0 || this.#contextOf === thread) return;
    const before = this.#contextOf;
    this.#contextOf = thread;
    for (const slot of [0, 1] as const) {
      const global = contexts[slot];
      if (global === undefined) continue;
      if (before !== undefined) before.storage[slot] = global.value;
      global.value = typeof global.value === 'bigint' ? BigInt(thread.storage[slot]) : Number(thread.storage[slot]);
    }
  }

  mayEnter(caller: TaskInstance | undefined): boolean {
    return this.entered(caller).every((each) => !each.isEntered);
  }

  /** @throws {AbiTrap} when one of the instances is running */
  enter(caller: TaskInstance | undefined): void {
    if (!this.mayEnter(caller)) trap('the component was entered while a call of it was running');
    for (const each of this.entered(caller)) each.isEntered = true;
  }

  leave(caller: TaskInstance | undefined): void {
    for (const each of this.entered(caller)) each.isEntered = false;
  }

  hasBackpressure(needsExclusive: boolean): boolean {
    return this.backpressure > 0 || (needsExclusive && this.exclusive !== undefined);
  }

  get hasEntering(): boolean {
    return this.#entering.alone.size + this.#entering.beside.size > 0;
  }

  /** Lets a thread wait until its task may begin. Answers what takes it out of the line again. */
  lineUp(thread: Thread): () => void {
    const line = thread.task.needsExclusive ? this.#entering.alone : this.#entering.beside;
    line.add(thread);
    return () => line.delete(thread);
  }

  /** Lets the next task run guest code. */
  release(): void {
    this.exclusive = undefined;
    this.wake();
  }

  /** Wakes those that wait for another thread's end or for the end of backpressure: of those in line only the first. */
  wake(): void {
    for (const line of [this.#entering.alone, this.#entering.beside]) {
      const [first] = line;
      first?.wake();
    }
    for (const thread of this.held) thread.wake();
    this.held.clear();
  }
}

/** The threads of an instance by the numbers that its guest knows them by. */
class ThreadTable {
  readonly #threads: (Thread | undefined)[] = [undefined];
  readonly #free: number[] = [];

  add(thread: Thread): number {
    const index = this.#free.pop() ?? this.#threads.length;
    this.#threads[index] = thread;
    return index;
  }

  /** @throws {AbiTrap} when there is none of that number */
  get(index: number): Thread {
    return this.#threads[index] ?? trap(`unknown thread ${index}`);
  }

  remove(index: number): void {
    this.#threads[index] = undefined;
    this.#free.push(index);
  }

  /** A thread that could go on now beside a synchronous call: none that needs the instance for itself. */
  findReady(): Thread | undefined {
    return this.#threads.find(
      (thread) => thread?.isReady && !(thread.task.needsExclusive && thread.task.implicit === thread),
    );
  }
}

import { trap } from '#runtime/exchange';
import { type HeldByGuest, THREAD_BYTES } from './host-bytes.ts';
import type { OutsideCall } from './side-by-side.ts';
import type { WaitableSet, Waiter } from './waitable.ts';

/** A core function with its type: one letter for each core parameter and result. */
export interface CoreCall {
  readonly callee: (...args: never[]) => unknown;
  readonly parameters: string;
  readonly results: string;
  /** What `Stacks` keeps for its next call. */
  entry?: object | undefined;
}

/** A function that a component instance exports, as the tasks of one store call it. */
export interface LiftedFunction {
  /** Whether the function's type is asynchronous. */
  readonly isAsync: boolean;
  /** Whether it was lifted with the option `async`, and with a callback. */
  readonly isAsyncLift: boolean;
  readonly hasCallback: boolean;
  /** Stands for the result's type and the options by which `task.return` must lift it. */
  readonly returns: number;
  /** Whether its guest code may have to be suspended, and so runs on a stack of its own. */
  readonly hasStack: boolean;
  readonly core: CoreCall;
  readonly callback: CoreCall | undefined;
  /** Lowers the arguments into the instance. Handles that it lends count in `task.borrows`. */
  lower(task: Task, args: readonly unknown[]): readonly unknown[];
  /** Lifts the core answer of a function that answers by returning. */
  lift(raw: unknown): unknown;
  /** Cleans up after the answer was lifted. */
  after(raw: unknown): void;
}

/** Stands for guest code that is no call of an exported function: start functions, allocators and destructors. */
export const NO_FUNCTION: LiftedFunction = {
  isAsync: false,
  isAsyncLift: false,
  hasCallback: false,
  returns: -1,
  hasStack: false,
  core: { callee: () => undefined, parameters: '', results: '' },
  callback: undefined,
  lower: () => [],
  lift: () => undefined,
  after: () => {},
};

export type TaskState = 'initial' | 'started' | 'cancel pending' | 'cancel delivered' | 'resolved';

/** Who has made a call. */
export interface TaskCaller {
  /** The call begins: answers its arguments, which the caller's values become now. */
  start(): readonly unknown[];
  /** Told how the task ends: with its value, or cancelled. */
  resolved(value: unknown, isCancelled: boolean): void;
}

/** Goes on with a thread. Answers whether control is back: false where a stack took the thread over, which says so later. */
export type Resume = (cancelled: boolean, thread: Thread) => boolean;

/** Puts threads into the line of those that may be ready. */
export interface ThreadLine {
  lineUp(thread: Thread): void;
}

/** The stack on which a thread runs. */
export interface ThreadStack {
  /** The rest of the built-in in which the thread was suspended, for which its guest calls the built-in again. */
  rest: (() => unknown) | undefined;
}

/** A thread of a guest: one course of control within a task. */
export abstract class Thread implements Waiter {
  abstract readonly task: Task;
  /** Whether it runs on stacks that it can be suspended on. */
  abstract readonly hasStack: boolean;
  /** Its number in its instance; 0 before it has begun and after its end. */
  index = 0;
  /** Whether it may be told of a cancellation while it waits. */
  cancellable = false;
  /** Whether it is in the line of those that may be ready. Only the line uses this. */
  isInLine = false;
  /** What goes on with it; undefined while it runs. */
  resume: Resume | undefined = undefined;
  /** Whether it could go on now; undefined where it is suspended and does not wait for anything. */
  ready: ((thread: Thread) => boolean) | undefined = undefined;
  /** The set on whose events its callback waits. */
  awaited: WaitableSet | undefined = undefined;
  /** The stack that it runs on, or is suspended on, if it has one. Only `Stacks` sets it. */
  stack: ThreadStack | undefined = undefined;
  #number: number | bigint = 0;
  #secondNumber: number | bigint = 0;

  /** What `context.get` reads. */
  number(slot: 0 | 1): number | bigint {
    return slot === 0 ? this.#number : this.#secondNumber;
  }

  /** What `context.set` does. */
  setNumber(slot: 0 | 1, value: number | bigint): void {
    if (slot === 0) this.#number = value;
    else this.#secondNumber = value;
  }

  wake(): void {
    this.task.instance.line.lineUp(this);
  }

  get isSuspended(): boolean {
    return this.resume !== undefined && this.ready === undefined;
  }

  get isReady(): boolean {
    return this.resume !== undefined && this.ready?.(this) === true;
  }
}

/**
 * One call into a component instance, and the thread that it begins with. Kinds of tasks differ in who has made the call. Ten thousand may
 * wait in one store, so a task and its first thread are one object, and no class of them has methods that begin with `#`, for which V8 keeps
 * a field in each object.
 */
export abstract class Task extends Thread {
  /** What it is a call of. */
  readonly lifted: LiftedFunction;
  readonly instance: TaskInstance;
  /** The call from outside for which it runs, where a store serves several side by side. */
  readonly call: OutsideCall | undefined;
  state: TaskState = 'initial';
  /** Handles that it was lent and has not dropped. It may not answer while it has any. */
  borrows = 0;
  #threads = 0;
  /** All its threads, once it has made others. */
  #all: Set<Thread> | undefined = undefined;

  constructor(lifted: LiftedFunction, instance: TaskInstance, call: OutsideCall | undefined) {
    super();
    this.lifted = lifted;
    this.call = call;
    this.instance = instance;
  }

  get task(): Task {
    return this;
  }

  get hasStack(): boolean {
    return this.lifted.hasStack;
  }

  /** The call begins: answers its arguments, which the caller's values become now. */
  protected abstract takeArguments(): readonly unknown[];
  /** Told how the task ends: with its value, or cancelled. */
  protected abstract resolved(value: unknown, isCancelled: boolean): void;

  /** Whether its guest code may not run while another such task of the instance does. */
  get needsExclusive(): boolean {
    const { isAsync, isAsyncLift, hasCallback } = this.lifted;
    return isAsync && (!isAsyncLift || hasCallback);
  }

  /** Whether any of its threads has begun and not ended. */
  get runs(): boolean {
    return this.#threads > 0;
  }

  /** Its arguments, which its caller's values become now. */
  start(): readonly unknown[] {
    this.state = 'started';
    return this.takeArguments();
  }

  /** @throws {AbiTrap} when it has answered already, or has not dropped what it was lent */
  answer(value: unknown): void {
    if (this.state === 'resolved') trap('a task answers twice');
    this.resolve(value, false);
  }

  /** @throws {AbiTrap} when nobody has asked it to end */
  cancel(): void {
    if (this.state !== 'cancel delivered') trap('a task ends as cancelled that was not told to');
    this.resolve(undefined, true);
  }

  private resolve(value: unknown, isCancelled: boolean): void {
    if (this.borrows > 0) trap('the component answered and did not drop what it was lent');
    this.resolved(value, isCancelled);
    this.state = 'resolved';
  }

  /** Whether a pending cancellation is delivered now. */
  takesCancel(cancellable: boolean): boolean {
    if (!cancellable || this.state !== 'cancel pending') return false;
    this.state = 'cancel delivered';
    return true;
  }

  /** A thread that waits and may be told of a cancellation. @param isHeld whether another task has the instance, so that the first may not run */
  findCancellable(isHeld: boolean): Thread | undefined {
    const waits = (thread: Thread): boolean =>
      thread.cancellable && thread.resume !== undefined && !(isHeld && thread === this);
    if (this.#all !== undefined) return this.#all.values().find(waits);
    return this.#threads > 0 && waits(this) ? this : undefined;
  }

  register(thread: Thread): void {
    this.#threads += 1;
    if (this.#all === undefined && thread !== this) {
      this.#all = new Set();
      if (this.#threads > 1) this.#all.add(this);
    }
    this.#all?.add(thread);
    this.instance.handles.occupy(THREAD_BYTES);
    thread.index = this.instance.threads.add(thread);
  }

  /** @throws {AbiTrap} when its last thread ends and it has not answered */
  unregister(thread: Thread): void {
    this.#threads -= 1;
    this.#all?.delete(thread);
    if (this.#threads === 0 && this.state !== 'resolved') trap('a task ended without an answer');
    this.instance.threads.remove(thread.index);
    this.instance.handles.vacate(THREAD_BYTES);
    thread.index = 0;
  }
}

/** Has called nothing. */
const NOBODY: TaskCaller = { start: () => [], resolved: () => {} };

/** A task of which the caller is an object of its own. */
export class CalledTask extends Task {
  readonly #caller: TaskCaller;

  constructor(lifted: LiftedFunction, instance: TaskInstance, caller: TaskCaller, call?: OutsideCall) {
    super(lifted, instance, call);
    this.#caller = caller;
  }

  protected takeArguments(): readonly unknown[] {
    return this.#caller.start();
  }

  protected resolved(value: unknown, isCancelled: boolean): void {
    this.#caller.resolved(value, isCancelled);
  }
}

/** A thread that a guest has made in a task. */
export class MadeThread extends Thread {
  readonly task: Task;
  readonly hasStack: boolean;

  constructor(task: Task, hasStack: boolean) {
    super();
    this.task = task;
    this.hasStack = hasStack;
  }
}

/** The threads of an instance by the numbers that its guest knows them by. */
export class ThreadTable {
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
}

/** The part of an instance's handle table that does not concern resources. Unknown handles are traps. */
export interface Handles {
  addOther(value: HeldByGuest): number;
  other(handle: number): HeldByGuest;
  takeOther(handle: number): HeldByGuest;
  /** Charges the store for a thread, until `vacate`. @throws {AbiTrap} when the store may not have one more */
  occupy(bytes: number): void;
  vacate(bytes: number): void;
}

/** A component instance as its tasks see it. */
export class TaskInstance {
  readonly index: number;
  /** This instance and those that contain it. */
  readonly around: readonly TaskInstance[];
  readonly handles: Handles;
  /** The line of the store's threads. */
  readonly line: ThreadLine;
  readonly threads = new ThreadTable();
  /** Whether a call of it runs now. It may not be entered then. */
  isEntered = false;
  /** How often the guest has asked that no new task begin. */
  backpressure = 0;
  /** The thread of the one task that may run guest code which does not expect others between. */
  exclusive: Thread | undefined = undefined;
  /** Threads that wait until they may begin, oldest first: those that need the instance for themselves, and others. */
  readonly #alone = new Set<Thread>();
  readonly #beside = new Set<Thread>();
  /** Threads that were woken and may go on beside a synchronous call, oldest first. Mostly no set is made. */
  #woken: Set<Thread> | undefined;
  /** Threads whose callbacks had their events while another thread held the instance, oldest first. */
  readonly #held = new Set<Thread>();
  /** The numbers of the thread that runs, where guest code reads and sets them as globals, by slot. */
  readonly #contexts: WebAssembly.Global[] = [];
  /** The thread whose numbers the globals hold. */
  #contextOf: Thread | undefined;
  readonly #entered = new Map<TaskInstance, readonly TaskInstance[]>();

  constructor(index: number, parent: TaskInstance | undefined, handles: Handles, line: ThreadLine) {
    this.index = index;
    this.handles = handles;
    this.line = line;
    this.around = [this, ...(parent?.around ?? [])];
  }

  /** A thread of guest code that is no call of an exported function. @param call the call from outside for which it runs */
  threadOutside(call?: OutsideCall): Thread {
    return new CalledTask(NO_FUNCTION, this, NOBODY, call);
  }

  /** The instances that a call from `caller` enters: this one and those around it, without the caller's. */
  entered(caller: TaskInstance | undefined): readonly TaskInstance[] {
    if (caller === undefined) return this.around;
    let found = this.#entered.get(caller);
    if (found === undefined) {
      found = this.around.filter((each) => !caller.around.includes(each));
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

  /** A number of the thread of the instance that runs. */
  numberOf(thread: Thread, slot: 0 | 1): number | bigint {
    const global = this.#contexts[slot];
    return global === undefined ? thread.number(slot) : (global.value as number | bigint);
  }

  setNumberOf(thread: Thread, slot: 0 | 1, value: number | bigint): void {
    const global = this.#contexts[slot];
    if (global === undefined) thread.setNumber(slot, value);
    else global.value = typeof global.value === 'bigint' ? BigInt(value) : Number(value);
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
      before?.setNumber(slot, global.value);
      const number = thread.number(slot);
      global.value = typeof global.value === 'bigint' ? BigInt(number) : Number(number);
    }
  }

  mayEnter(caller: TaskInstance | undefined): boolean {
    for (const each of this.entered(caller)) if (each.isEntered) return false;
    return true;
  }

  /** @throws {AbiTrap} when one of the instances is running */
  enter(caller: TaskInstance | undefined): void {
    if (!this.mayEnter(caller)) trap('the component was entered while a call of it was running');
    for (const each of this.entered(caller)) each.isEntered = true;
  }

  leave(caller: TaskInstance | undefined): void {
    for (const each of this.entered(caller)) each.isEntered = false;
  }

  /** Notes a thread that was woken and may go on beside a synchronous call: any that has begun, unless it needs the instance for itself. */
  noteWoken(thread: Thread): void {
    const { task, index } = thread;
    if (index === 0 || (task === thread && task.needsExclusive)) return;
    this.#woken ??= new Set();
    this.#woken.add(thread);
  }

  /** The thread goes on, or is not ready after all. */
  forgetWoken(thread: Thread): void {
    this.#woken?.delete(thread);
  }

  /** A thread that could go on now beside a synchronous call; undefined where there is none. */
  findReady(): Thread | undefined {
    for (const thread of this.#woken ?? []) {
      if (thread.isReady) return thread;
      this.forgetWoken(thread);
    }
    return undefined;
  }

  hasBackpressure(needsExclusive: boolean): boolean {
    return this.backpressure > 0 || (needsExclusive && this.exclusive !== undefined);
  }

  get hasEntering(): boolean {
    return this.#alone.size + this.#beside.size > 0;
  }

  /** Lets a thread wait until its task may begin. It is charged meanwhile as one that has begun. @throws {AbiTrap} as `occupy` */
  lineUp(thread: Thread): void {
    this.handles.occupy(THREAD_BYTES);
    (thread.task.needsExclusive ? this.#alone : this.#beside).add(thread);
  }

  leaveLine(thread: Thread): void {
    this.handles.vacate(THREAD_BYTES);
    (thread.task.needsExclusive ? this.#alone : this.#beside).delete(thread);
  }

  /** Lets the next task run guest code. */
  release(): void {
    this.exclusive = undefined;
    this.wake();
  }

  /** Lets a thread wait whose callback has its event, until no other thread holds the instance. */
  hold(thread: Thread): void {
    this.#held.add(thread);
  }

  /** The thread goes on, or has no event any more. The next one is woken then, unless `release` will wake it. */
  letGo(thread: Thread): void {
    if (!this.#held.delete(thread)) return;
    if (this.exclusive === undefined) wakeFirst(this.#held);
  }

  /**
   * Wakes those that wait for another thread's end or for the end of backpressure. Of each line that is only the first: it wakes the next
   * when it goes, and whoever woke all of them each time would do work for each thread that the guest need not pay for.
   */
  wake(): void {
    if (this.#alone.size > 0) wakeFirst(this.#alone);
    if (this.#beside.size > 0) wakeFirst(this.#beside);
    if (this.#held.size > 0) wakeFirst(this.#held);
  }
}

function wakeFirst(line: ReadonlySet<Thread>): void {
  const [first] = line;
  first?.wake();
}

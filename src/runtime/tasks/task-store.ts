import { trap } from '#runtime/exchange';
import type { OutsideCall, SharedTasks, SideBySide } from './side-by-side.ts';
import type { TaskInstance } from './task.ts';
import { type OnResolve, Task, type TaskKind, Thread } from './task.ts';
import { CANCELLED_EVENT, NO_EVENT, type TaskEvent, WaitableSet } from './waitable.ts';

/** A core function with its type: one letter for each core parameter and result. */
export interface CoreCall {
  readonly callee: (...args: never[]) => unknown;
  readonly parameters: string;
  readonly results: string;
}

/** A function that a component instance exports, as the tasks of one store call it. */
export interface LiftedFunction extends TaskKind {
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

/** Suspends and resumes the stacks of threads. Each method is called in the turn. */
export interface Stacks {
  /**
   * Calls a core function on a stack of its own, and then `then` with its answer.
   * @returns whether control is back: `then` has run and answered so, or the thread has been suspended
   */
  call(thread: Thread, core: CoreCall, args: readonly unknown[], then: (raw: unknown) => boolean): boolean;
  /** Suspends the stack that runs, as soon as the built-in that calls this has returned to its guest. */
  park(thread: Thread): void;
  /** Gives control to a suspended stack. `TaskStore.back` must be called when it is back. */
  unpark(thread: Thread): void;
  /** Waits in the turn until a promise is settled, with the thread free for other turns, and then calls `then`. */
  wait(promise: Promise<void>, then: () => void): void;
  /** A promise that is settled after the event loop has handled timers and I/O. */
  breathe(): Promise<void>;
}

/** A thread that was given control, until it is back. */
interface Frame {
  readonly previous: Thread | undefined;
  readonly leave: () => void;
  /** Goes on when control comes back later. Answers whether control is then still here. */
  readonly after: () => boolean;
}

/** A call from outside. A turn serves one, or several side by side. */
interface MainCall {
  readonly task: Task;
  /** Whether it lasts until its task has ended, and not only until that has answered. */
  readonly untilEnd: boolean;
  isAnswered: boolean;
  /** How much there is that must end before the call does, although it has answered. */
  holds: number;
  /** Called when the call's work is done, or with what has ended it. */
  done: (failure?: { readonly thrown: unknown }) => void;
}

/** Threads that run between two looks at what the host has answered. */
const THREADS_PER_BREATH = 64;

/**
 * The tasks of one store: which of its threads runs, and which goes on next. It follows the reference implementation of the
 * component model's canonical ABI (`definitions.py`), except that a stack which is resumed gives control back later and not
 * to its caller, so whatever comes behind a resumption is passed on as a function.
 */
export class TaskStore implements SharedTasks {
  #current: Thread | undefined = undefined;
  readonly #stacks: Stacks;
  readonly #calls: SideBySide | undefined;
  readonly #failed: (thrown: unknown) => void;
  readonly #frames: Frame[] = [];
  readonly #line: Thread[] = [];
  readonly #inLine = new Set<Thread>();
  readonly #jobs: (() => unknown)[] = [];
  #hostCalls = 0;
  #holds = 0;
  #stalled = 0;
  #sinceBreath = 0;
  readonly #mains = new Set<MainCall>();
  /** Calls that have answered and hold nothing. */
  readonly #over: MainCall[] = [];
  /** Calls that have answered and last until their tasks have ended. */
  readonly #lingering = new Set<MainCall>();
  /** The call that answers now. */
  #answering: MainCall | undefined;
  #wakeHost: (() => void) | undefined;
  #switchTo: Thread | undefined;

  /**
   * @param failed called with what has ended the store, when a task did
   * @param calls the owner of calls that run side by side; without it, there is one at a time
   */
  constructor(stacks: Stacks, failed: (thrown: unknown) => void = () => {}, calls?: SideBySide) {
    this.#stacks = stacks;
    this.#failed = failed;
    this.#calls = calls;
    if (calls !== undefined) calls.tasks = this;
  }

  /** Does something of the host for a thread, which may call its guest's code: to allocate, for example. */
  runFor<T>(thread: Thread, work: () => T): T {
    const before = this.#current;
    if (before === thread) return work();
    this.current = thread;
    try {
      return work();
    } finally {
      this.current = before;
    }
  }

  /** The call from outside that begins now, where calls run side by side. */
  get beginning(): OutsideCall | undefined {
    return this.#calls?.beginning;
  }

  /** The thread whose guest code runs, or would if the host did not do something for it. */
  get current(): Thread | undefined {
    return this.#current;
  }

  set current(thread: Thread | undefined) {
    this.#current = thread;
    if (thread === undefined) return;
    const { instance, call } = thread.task;
    instance.takeContext(thread);
    if (call !== undefined) this.#calls?.charge(call);
  }

  /**
   * Calls an exported function on behalf of the embedder, and runs the store's threads until it has answered and nothing is
   * left that could run.
   * @param untilEnd whether they run until its task has ended, or waits for what only a later call can do
   * @returns undefined when that is so at once, or else a promise for it
   */
  callFromOutside(
    lifted: LiftedFunction,
    instance: TaskInstance,
    args: readonly unknown[],
    onResolve: OnResolve,
    untilEnd = false,
  ): Promise<void> | undefined {
    const resolve: OnResolve = (value, isCancelled) => {
      this.#answering = main;
      onResolve(value, isCancelled);
      this.#answering = undefined;
      main.isAnswered = true;
      this.#review(main);
    };
    const task = new Task(lifted, instance, () => args, resolve, this.#calls?.beginning);
    let outcome: { readonly failure?: { readonly thrown: unknown } | undefined } | undefined;
    const main: MainCall = {
      task,
      untilEnd,
      isAnswered: false,
      holds: 0,
      done: (failure) => {
        outcome = { failure };
      },
    };
    const joins = this.#mains.size > 0;
    this.#mains.add(main);
    if (joins) this.enqueue(() => this.begin(task, lifted, undefined, () => true));
    else {
      try {
        if (this.begin(task, lifted, undefined, () => true)) this.#drive();
      } catch (thrown) {
        this.#mains.delete(main);
        this.#lingering.delete(main);
        if (this.#mains.size > 0) this.fail(thrown);
        throw thrown;
      }
    }
    if (outcome !== undefined) {
      if (outcome.failure !== undefined) throw outcome.failure.thrown;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      main.done = (failure) => {
        if (failure === undefined) resolve();
        else reject(failure.thrown);
      };
    });
  }

  /** Whether no call from outside is under way. */
  get isIdle(): boolean {
    return this.#mains.size === 0;
  }

  /** Whether what the host answers later is waited for: not while the component is started. */
  get isAwaited(): boolean {
    return this.#mains.size > 0;
  }

  /** Ends all calls: what a guest did, or the host says, ends the store. */
  fail(thrown: unknown): void {
    this.#calls?.failed(thrown, this.#current?.task.call);
    this.#failed(thrown);
    const mains = [...this.#mains];
    this.#mains.clear();
    this.#lingering.clear();
    this.#over.length = 0;
    for (const main of mains) main.done({ thrown });
  }

  cancel(call: OutsideCall): void {
    this.enqueue(() => {
      for (const { task } of this.#mains) {
        if (task.call === call && task.state !== 'resolved') return this.requestCancel(task, undefined, () => true);
      }
      return true;
    });
  }

  /** Whether a call may end that has answered. */
  #hasEnded(): boolean {
    for (const main of this.#lingering) {
      if (main.task.threads.size > 0) continue;
      this.#lingering.delete(main);
      this.#over.push(main);
    }
    return this.#over.length > 0;
  }

  /** Ends the calls that have answered. Answers whether any call is left. */
  #endCalls(): boolean {
    this.#hasEnded();
    for (let main = this.#over.shift(); main !== undefined; main = this.#over.shift()) {
      const { call } = main.task;
      if (call !== undefined) this.#calls?.answered(call);
      this.#mains.delete(main);
      main.done();
    }
    if (this.#mains.size > 0) return true;
    this.#calls?.idle();
    return false;
  }

  /**
   * Begins a task and gives it control until it answers, is suspended or ends. A task of a function that is not asynchronous is
   * run until it has answered.
   * @param after goes on with the caller, if control comes back later
   * @returns whether control is back
   */
  begin(task: Task, lifted: LiftedFunction, caller: TaskInstance | undefined, after: () => boolean): boolean {
    const { instance } = task;
    instance.enter(caller);
    const thread = this.newThread(task, lifted.hasStack);
    thread.resume = () => this.#enter(task, thread, lifted);
    let isLate = false;
    const settle = (): boolean => {
      while (!lifted.isAsync && task.state !== 'resolved') {
        const next = instance.threads.findReady();
        if (next === undefined) trap('a synchronous task waits for what only others could do');
        if (!this.run(next, false, () => {}, settle)) return false;
      }
      instance.leave(caller);
      return isLate ? after() : true;
    };
    const isBack = this.run(thread, false, () => {}, settle) && settle();
    isLate = true;
    return isBack;
  }

  newThread(task: Task, hasStack: boolean): Thread {
    const thread = new Thread(task, (woken) => this.#wake(woken));
    thread.hasStack = hasStack;
    return thread;
  }

  /**
   * Gives control to a suspended thread.
   * @param leave called when control is back
   * @param after called behind it, if control comes back later; it answers whether control is then still here
   * @returns whether control is back
   */
  run(thread: Thread, cancelled: boolean, leave: () => void, after: () => boolean): boolean {
    this.#frames.push({ previous: this.current, leave, after });
    if (!this.#resume(thread, cancelled)) return false;
    this.#pop();
    return true;
  }

  /** Control is back from a stack that was resumed. Called in the turn. */
  back(): void {
    try {
      const next = this.#switchTo;
      this.#switchTo = undefined;
      if (next !== undefined && !this.#resume(next, false)) return;
      if (this.#pop().after()) this.#drive();
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  #resume(thread: Thread, cancelled: boolean): boolean {
    let next: Thread | undefined = thread;
    let isCancelled = cancelled;
    while (next !== undefined) {
      const { resume } = next;
      next.resume = undefined;
      next.ready = undefined;
      this.current = next;
      if (!(resume as NonNullable<typeof resume>)(isCancelled)) return false;
      next = this.#switchTo;
      this.#switchTo = undefined;
      isCancelled = false;
    }
    return true;
  }

  #pop(): Frame {
    const frame = this.#frames.pop() as Frame;
    this.current = frame.previous;
    frame.leave();
    return frame;
  }

  /** Runs threads that are ready, one after the other, until the turn's work is done or control is away. */
  #drive(): void {
    for (;;) {
      if (!this.#endCalls()) return;
      for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) if (job() === false) return;
      const thread = this.#nextReady();
      if (thread === undefined) {
        // A job may have ended the last thread of a task, for example by cancelling it.
        if (this.#hasEnded()) continue;
        if (this.#hostCalls === this.#stalled && this.#holds <= this.#stalled) {
          // What is left of these tasks waits for what only a later call can do, so it goes on in that call's turn.
          if (this.#lingering.size > 0) {
            this.#over.push(...this.#lingering);
            this.#lingering.clear();
            continue;
          }
          // Another call that runs beside may still let these tasks go on.
          if (this.#calls === undefined) trap('no task of the component can go on: all of them wait for each other');
        }
        this.#waitForHost();
        return;
      }
      if ((this.#hostCalls > 0 || this.#calls !== undefined) && ++this.#sinceBreath >= THREADS_PER_BREATH) {
        this.#sinceBreath = 0;
        thread.wake();
        this.#stacks.wait(this.#stacks.breathe(), () => this.#driveOn());
        return;
      }
      const { instance } = thread.task;
      instance.enter(undefined);
      const leave = (): void => instance.leave(undefined);
      if (!this.run(thread, false, leave, () => true)) return;
    }
  }

  #driveOn(): void {
    try {
      this.#drive();
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** Runs a job in the store's turn: in the one that runs, or in the next. It answers false where control is away afterwards. */
  enqueue(job: () => unknown): void {
    this.#jobs.push(job);
    this.#wakeHost?.();
  }

  /** Says that the host has something under way which tasks may wait for. Answers what ends that. */
  expectHost(): () => void {
    return this.#count((by) => {
      this.#hostCalls += by;
    });
  }

  /** Says that one thing which the host has under way waits for a guest. Answers what ends that. */
  stallHost(): () => void {
    return this.#count((by) => {
      this.#stalled += by;
    });
  }

  /** Lets the call that answers now go on after its answer. Answers what ends that. */
  holdTurn(): () => void {
    const main = this.#answering;
    return this.#count((by) => {
      this.#holds += by;
      if (main === undefined) return;
      main.holds += by;
      this.#review(main);
    });
  }

  /** Notes a call that may end, or may once its task has ended. */
  #review(main: MainCall): void {
    if (!main.isAnswered || main.holds > 0) return;
    if (main.untilEnd && main.task.threads.size > 0) this.#lingering.add(main);
    else this.#over.push(main);
  }

  /** Lets the turn go on after its answer until a promise is settled. */
  holdUntil(promise: Promise<unknown>): void {
    const [release, arrived] = [this.holdTurn(), this.expectHost()];
    const end = (): void => {
      arrived();
      release();
    };
    promise.then(end, end);
  }

  #count(add: (by: number) => void): () => void {
    add(1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      add(-1);
      this.#wakeHost?.();
    };
  }

  #waitForHost(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakeHost = resolve;
    this.#stacks.wait(promise, () => this.#driveOn());
  }

  #nextReady(): Thread | undefined {
    for (;;) {
      const thread = this.#line.shift();
      if (thread === undefined) return undefined;
      this.#inLine.delete(thread);
      if (thread.isReady) return thread;
      // Another thread holds the instance, or has taken the event that woke this one.
      if (thread.resume !== undefined) thread.task.instance.held.add(thread);
    }
  }

  #wake(thread: Thread): void {
    if (this.#inLine.has(thread)) return;
    this.#inLine.add(thread);
    this.#line.push(thread);
  }

  /**
   * Waits for a promise of the host.
   * @param then goes on, in the turn, with what the promise resolved to or was rejected with
   * @returns what ends the wait, so that `then` is not called
   */
  awaitHost(
    promise: PromiseLike<unknown>,
    then: (outcome: { readonly value: unknown } | { readonly thrown: unknown }) => void,
  ): () => void {
    const arrived = this.expectHost();
    let isWaiting = true;
    const settle = (outcome: { readonly value: unknown } | { readonly thrown: unknown }): void => {
      if (!isWaiting) return;
      this.#jobs.push(() => {
        if (!isWaiting) return;
        arrived();
        then(outcome);
      });
      this.#wakeHost?.();
    };
    Promise.resolve(promise).then(
      (value) => settle({ value }),
      (thrown: unknown) => settle({ thrown }),
    );
    return () => {
      isWaiting = false;
      arrived();
    };
  }

  /**
   * Lets a thread without guest code on its stack wait. Answers whether control is back.
   * @param go goes on with it
   */
  waitUntil(thread: Thread, ready: () => boolean, cancellable: boolean, go: (cancelled: boolean) => boolean): boolean {
    if (thread.task.takesCancel(cancellable)) return go(true);
    thread.cancellable = cancellable;
    thread.ready = ready;
    thread.resume = go;
    if (ready()) thread.wake();
    return true;
  }

  /**
   * Lets the thread that runs wait in a built-in.
   * @param ready whether it could go on; undefined where another thread must resume it
   * @param rest goes on in the built-in, which the guest calls again; answers the built-in's core value
   * @returns what `rest` answers where the thread is told of a cancellation and so does not wait
   */
  block(
    thread: Thread,
    ready: (() => boolean) | undefined,
    cancellable: boolean,
    rest: (cancelled: boolean) => unknown,
  ): unknown {
    if (thread.task.takesCancel(cancellable)) return rest(true);
    thread.cancellable = cancellable;
    thread.ready = ready;
    this.#park(thread);
    thread.resume = (cancelled) => this.#unpark(thread, () => rest(cancelled));
    if (ready?.() === true) thread.wake();
    return undefined;
  }

  /** Lets the thread that runs wait, and gives control to another one, which is suspended. */
  blockFor(
    other: Thread,
    thread: Thread,
    ready: (() => boolean) | undefined,
    cancellable: boolean,
    rest: (cancelled: boolean) => unknown,
  ): unknown {
    if (thread.task.takesCancel(cancellable)) return rest(true);
    this.#switchTo = other;
    return this.block(thread, ready, cancellable, rest);
  }

  /**
   * Suspends the thread that runs until control is back from what it has begun.
   * @param rest as for `block`
   * @returns what to call when control is back
   */
  suspend(thread: Thread, rest: () => unknown): () => boolean {
    this.#park(thread);
    return () => this.#unpark(thread, rest);
  }

  #park(thread: Thread): void {
    if (!thread.hasStack)
      trap('the component would have to wait where it cannot: while it is started, allocates or cleans up');
    this.#stacks.park(thread);
  }

  #unpark(thread: Thread, rest: () => unknown): false {
    thread.rest = rest;
    this.current = thread;
    this.#stacks.unpark(thread);
    return false;
  }

  /**
   * Asks a task to end early.
   * @param after as for `run`
   * @returns whether control is back
   */
  requestCancel(task: Task, caller: TaskInstance | undefined, after: () => boolean): boolean {
    const { instance } = task;
    if (task.state === 'initial') {
      task.state = 'cancel delivered';
      return this.run(task.implicit as Thread, true, () => {}, after);
    }
    const isHeld = task.needsExclusive && instance.exclusive !== undefined && instance.exclusive !== task.implicit;
    const thread = [...task.threads].find(
      (each) => each.cancellable && each.resume !== undefined && !(isHeld && each === task.implicit),
    );
    if (thread === undefined || !instance.mayEnter(caller)) {
      task.state = 'cancel pending';
      return true;
    }
    task.state = 'cancel delivered';
    instance.enter(caller);
    return this.run(thread, true, () => instance.leave(caller), after);
  }

  #enter(task: Task, thread: Thread, lifted: LiftedFunction): boolean {
    const { instance, needsExclusive } = task;
    task.implicit = thread;
    if (!task.kind.isAsync || (!instance.hasBackpressure(needsExclusive) && !instance.hasEntering)) {
      return this.#start(task, thread, lifted);
    }
    const leaveLine = instance.lineUp(thread);
    return this.waitUntil(
      thread,
      () => !instance.hasBackpressure(needsExclusive),
      true,
      (cancelled) => {
        leaveLine();
        if (!cancelled) {
          instance.wake();
          return this.#start(task, thread, lifted);
        }
        task.cancel();
        return true;
      },
    );
  }

  #start(task: Task, thread: Thread, lifted: LiftedFunction): boolean {
    if (task.needsExclusive) task.instance.exclusive = thread;
    task.register(thread);
    const flat = lifted.lower(task, task.start());
    return this.#call(thread, lifted.core, flat, (raw) => {
      if (lifted.isAsyncLift && lifted.hasCallback) return this.#called(task, thread, lifted, raw as number);
      if (!lifted.isAsyncLift) {
        task.answer(lifted.lift(raw));
        lifted.after(raw);
      }
      return this.#exit(task, thread);
    });
  }

  #exit(task: Task, thread: Thread): true {
    task.unregister(thread);
    if (task.needsExclusive) task.instance.release();
    return true;
  }

  /** What the guest's function, or its callback, asks for: to end, to be called again at once, or on the next event of a set. */
  #called(task: Task, thread: Thread, lifted: LiftedFunction, packed: number): boolean {
    const { instance } = task;
    const code = packed & 0xf;
    if (code === 0) return this.#exit(task, thread);
    if (code > 2) trap(`a callback answers the code ${code}`);
    const set = code === 2 ? instance.handles.other(packed >>> 4) : undefined;
    if (code === 2 && !(set instanceof WaitableSet)) trap('a callback waits for what is no set');
    const waitables = set as WaitableSet | undefined;
    instance.release();
    waitables?.waiters.add(thread.wake);
    const ready = (): boolean => instance.exclusive === undefined && waitables?.hasEvent !== false;
    return this.waitUntil(thread, ready, true, (cancelled) => {
      instance.held.delete(thread);
      waitables?.waiters.delete(thread.wake);
      const event: TaskEvent = cancelled ? CANCELLED_EVENT : (waitables?.takeEvent() ?? NO_EVENT);
      instance.exclusive = thread;
      const { callback } = lifted;
      return this.#call(thread, callback as CoreCall, event, (raw) =>
        this.#called(task, thread, lifted, raw as number),
      );
    });
  }

  /** Begins a thread that the guest has made, at its first resumption. */
  startOf(thread: Thread, core: CoreCall, args: readonly unknown[]): void {
    thread.resume = () =>
      this.#call(thread, core, args, () => {
        thread.task.unregister(thread);
        return true;
      });
    thread.task.register(thread);
  }

  #call(thread: Thread, core: CoreCall, args: readonly unknown[], then: (raw: unknown) => boolean): boolean {
    if (thread.hasStack) return this.#stacks.call(thread, core, args, then);
    return then((core.callee as (...args: readonly unknown[]) => unknown)(...args));
  }
}

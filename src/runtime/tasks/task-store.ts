import { Chain, RingBuffer } from '#core/queue';
import { type AsyncContext, currentContext, inContext, isSameContext } from '#core/waiting';
import { trap } from '#runtime/exchange';
import type { SharedCopy } from './copies.ts';
import { type After, Frame, ResumedFrame } from './frames.ts';
import type { EarlyEnd, MainCall, MainCallOwner } from './main-call.ts';
import type { OutsideCall, SharedTasks, SideBySide } from './side-by-side.ts';
import type { CoreCall, TaskInstance } from './task.ts';
import { MadeThread, type Resume, type Task, type Thread, type ThreadLine, type ThreadStack } from './task.ts';
import { CANCELLED_EVENT, NO_EVENT, type TaskEvent, WaitableSet } from './waitable.ts';

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
  /** Waits in the turn until `wake` is called, with the thread free for other turns, and then calls `then`. */
  wait(then: () => void): void;
  wake(): void;
  /** Does the same until the event loop has handled timers and I/O. */
  breathe(then: () => void): void;
  /** Checks the time of the call that runs, whose guest may make the host work and run hardly any code. @throws when it is over */
  look(): void;
}

/** Something to do in the store's turn. */
export interface Job {
  /** Answers false where control is away afterwards. */
  run(): unknown;
}

/** Threads that run between two looks at what the host has answered. */
const THREADS_PER_BREATH = 64;

/** Threads that are tried between two looks at the time. Guest code looks too, but only when it has itself run for long. */
const THREADS_PER_LOOK = 64;

/**
 * The tasks of one store: which of its threads runs, and which goes on next. It follows the reference implementation of the
 * component model's canonical ABI (`definitions.py`), except that a stack which is resumed gives control back later and not
 * to its caller, so whatever comes behind a resumption is passed on as a function.
 */
export class TaskStore implements SharedTasks, ThreadLine, MainCallOwner {
  #current: Thread | undefined = undefined;
  readonly #stacks: Stacks;
  readonly #calls: SideBySide | undefined;
  readonly #failed: (thrown: unknown) => void;
  readonly #frames: Frame[] = [];
  readonly #line = new RingBuffer<Thread>();
  readonly #jobs = new RingBuffer<Job>();
  #hostCalls = 0;
  #isDropping = false;
  #holds = 0;
  #stalled = 0;
  #sinceBreath = 0;
  /** Threads that were tried since the last look at the time. */
  #tried = 0;
  readonly #mains = new Chain<MainCall>();
  /** Calls that have answered and hold nothing. */
  readonly #over: MainCall[] = [];
  /** Calls that have answered and last until their tasks have ended. */
  readonly #lingering = new Set<MainCall>();
  /** The call that answers now. */
  #answering: MainCall | undefined;
  /** Whether the turn waits for what the host has under way. */
  #waitsForHost = false;
  #switchTo: Thread | undefined;
  /** The context of the turn that waits, where it serves one call. Whatever lets it go on has a context of its own. */
  #context: AsyncContext;
  readonly #goOn = (): void => {
    const context = this.#context;
    // Where calls run side by side, each calls the host in its own context.
    if (this.#calls !== undefined || isSameContext(currentContext(), context)) this.#driveOn();
    else inContext(context, this.#driveOn);
  };
  readonly #driveOn = (): void => {
    try {
      this.#drive();
    } catch (thrown) {
      this.fail(thrown);
    }
  };
  /** What goes on with threads. One function serves all threads of the store, since each is given its thread. */
  readonly #enterFirst = (_: boolean, thread: Thread): boolean => this.#enter(thread);
  readonly #enterLater = (cancelled: boolean, thread: Thread): boolean => this.#entersLater(cancelled, thread);
  readonly #callBack = (cancelled: boolean, thread: Thread): boolean => this.#callsBack(cancelled, thread);

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

  /**
   * Does something of the host for a thread, which may call its guest's code: to allocate, for example. What it throws ends the store, and
   * the thread that runs then is whose call has ended it.
   */
  runFor<T>(thread: Thread, work: () => T): T {
    const before = this.#current;
    if (before === thread) return work();
    this.current = thread;
    const done = work();
    this.current = before;
    return done;
  }

  /** The owner of the call from outside that begins now, where calls run side by side. */
  get begins(): SideBySide | undefined {
    return this.#calls?.beginning === undefined ? undefined : this.#calls;
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
   * left that could run; or, with `untilEnd`, until its task has ended, or waits for what only a later call can do.
   * @returns whether that is so at once; otherwise the call is told later
   */
  callFromOutside(main: MainCall): boolean {
    const joins = this.#mains.size > 0;
    this.#mains.add(main);
    if (joins) this.enqueue(() => this.begin(main, undefined, HERE));
    else {
      try {
        if (this.begin(main, undefined, HERE)) this.#drive();
      } catch (thrown) {
        this.#mains.delete(main);
        this.#lingering.delete(main);
        if (this.#mains.size > 0) this.fail(thrown);
        throw thrown;
      }
    }
    const outcome = main.outcome as EarlyEnd | undefined;
    if (outcome?.failure !== undefined) throw outcome.failure.thrown;
    if (outcome !== undefined) return true;
    main.outcome = main.later();
    return false;
  }

  /** Tells a call from outside its answer, and ends the call where nothing holds it. */
  answer(main: MainCall, value: unknown, isCancelled: boolean): void {
    const { state } = main;
    this.#answering = main;
    main.answered(value, isCancelled);
    this.#answering = undefined;
    if (state === 'cancel pending' || state === 'cancel delivered') main.kept?.giveUp();
    this.#review(main);
  }

  /** Drops a resource that the embedder has released, before a call that has not begun its task yet. @param drop calls its destructor */
  dropBeforeCall(drop: () => void): void {
    this.#isDropping = true;
    drop();
    this.#isDropping = false;
  }

  /** The call from outside that answers now. */
  get answering(): MainCall | undefined {
    return this.#answering;
  }

  /** Whether no call from outside is under way. */
  get isIdle(): boolean {
    return this.#mains.size === 0;
  }

  /** Whether what the host answers later is waited for: not while the component is started. */
  get isAwaited(): boolean {
    return this.#mains.size > 0;
  }

  /** Whether a destructor runs before a call. What it begins is waited for in that call's turn, or in a later one. */
  get isDropping(): boolean {
    return this.#isDropping;
  }

  /** Ends all calls: what a guest did, or the host says, ends the store. */
  fail(thrown: unknown): void {
    this.#calls?.failed(thrown, this.#current?.task.call);
    this.#failed(thrown);
    const mains = [...this.#mains];
    this.#mains.clear();
    this.#lingering.clear();
    this.#over.length = 0;
    for (const main of mains) {
      if (main.outcome === undefined) main.outcome = { failure: { thrown } };
      else main.failed(thrown);
    }
  }

  cancel(call: OutsideCall): void {
    this.enqueue(() => {
      const main = this.#mains.find((each) => each.call === call);
      if (main === undefined) return true;
      if (main.state !== 'resolved') return this.requestCancel(main, undefined, HERE);
      main.kept?.giveUp();
      return true;
    });
  }

  /** Ends the calls that have answered. Answers whether any call is left. */
  #endCalls(): boolean {
    this.#hasEnded();
    for (;;) {
      const main = this.#over.length === 0 ? undefined : this.#over.shift();
      if (main === undefined) break;
      const { call } = main;
      if (call !== undefined) this.#calls?.answered(call);
      this.#mains.delete(main);
      if (main.outcome === undefined) main.outcome = ENDED;
      else main.ended();
    }
    if (this.#mains.size > 0) return true;
    this.#calls?.idle();
    return false;
  }

  /** Whether a call may end that has answered. */
  #hasEnded(): boolean {
    if (this.#lingering.size > 0) this.#endLingering();
    return this.#over.length > 0;
  }

  #endLingering(): void {
    for (const main of this.#lingering) {
      if (main.runs) continue;
      this.#lingering.delete(main);
      this.#over.push(main);
    }
  }

  /**
   * Begins a task and gives it control until it answers, is suspended or ends. A task of a function that is not asynchronous is
   * run until it has answered.
   * @param after goes on with the caller, if control comes back later
   * @returns whether control is back
   */
  begin(task: Task, caller: TaskInstance | undefined, after: After): boolean {
    task.instance.enter(caller);
    task.resume = this.#enterFirst;
    const frame = new BeginningFrame(this, task, caller, after);
    const isBack = this.run(task, false, frame) && frame.settle();
    frame.isLate = true;
    return isBack;
  }

  /** Makes a thread in a task, besides the one that it began with. */
  newThread(task: Task, hasStack: boolean): Thread {
    return new MadeThread(task, hasStack);
  }

  /** Gives control to a suspended thread. Answers whether control is back. */
  run(thread: Thread, cancelled: boolean, frame: Frame): boolean {
    frame.previous = this.#current;
    this.#frames.push(frame);
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
      if (this.#pop().goOn()) this.#drive();
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
      next.task.instance.forgetWoken(next);
      this.current = next;
      if (this.#tried >= THREADS_PER_LOOK) this.#look();
      if (!(resume as NonNullable<typeof resume>)(isCancelled, next)) return false;
      next = this.#switchTo;
      this.#switchTo = undefined;
      isCancelled = false;
    }
    return true;
  }

  #look(): void {
    this.#tried = 0;
    this.#stacks.look();
  }

  /** A thread of an instance that may go on beside a synchronous call; undefined where there is none. */
  readyIn(instance: TaskInstance): Thread | undefined {
    this.#tried += 1;
    return instance.findReady();
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
      // Before calls end: what the host asks of a guest that has done its part would wait for a later call.
      while (this.#jobs.size > 0) if (this.#jobs.shift()?.run() === false) return;
      if (!this.#endCalls()) return;
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
        this.#stacks.breathe(this.#driveOn);
        return;
      }
      const { instance } = thread.task;
      instance.enter(undefined);
      if (!this.run(thread, false, new ResumedFrame(instance, undefined, HERE))) return;
    }
  }

  /**
   * Says that the host's end of a stream or future is gone. It may be said at any time, because no guest code runs in it: a guest that gives the
   * host one stream after the other, and lets control go to nobody, would make jobs pile up.
   */
  dropEnd(shared: SharedCopy): void {
    shared.drop();
    this.#wakeHost();
  }

  /** Runs a job in the store's turn: in the one that runs, or in the next. It answers false where control is away afterwards. */
  enqueue(job: () => unknown): void {
    this.enqueueJob({ run: job });
  }

  enqueueJob(job: Job): void {
    this.#jobs.push(job);
    this.#wakeHost();
  }

  #wakeHost(): void {
    if (!this.#waitsForHost) return;
    this.#waitsForHost = false;
    this.#stacks.wake();
  }

  /** The host has something under way which tasks may wait for, until `hostArrived`. */
  hostCalled(): void {
    this.#hostCalls += 1;
  }

  hostArrived(): void {
    this.#hostCalls -= 1;
    this.#wakeHost();
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
      if (main.state === 'resolved') this.#review(main);
    });
  }

  /** Notes a call that has answered and may end, or may once its task has ended. */
  #review(main: MainCall): void {
    if (main.holds > 0) return;
    if (main.untilEnd && main.runs) this.#lingering.add(main);
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
      this.#wakeHost();
    };
  }

  #waitForHost(): void {
    this.#waitsForHost = true;
    if (this.#calls === undefined) this.#context = currentContext();
    this.#stacks.wait(this.#goOn);
  }

  #nextReady(): Thread | undefined {
    while (this.#line.size > 0) {
      const thread = this.#line.shift() as Thread;
      thread.isInLine = false;
      this.#tried += 1;
      if (thread.isReady) return thread;
      thread.task.instance.forgetWoken(thread);
      if (thread.ready !== mayCallBack) continue;
      // Another thread holds the instance, or has taken the event that woke this one.
      if (hasItsEvent(thread)) thread.task.instance.hold(thread);
      else thread.task.instance.letGo(thread);
    }
    return undefined;
  }

  /** Puts a thread into the line of those that may be ready. */
  lineUp(thread: Thread): void {
    thread.task.instance.noteWoken(thread);
    if (thread.isInLine) return;
    thread.isInLine = true;
    this.#line.push(thread);
  }

  /**
   * Lets a thread without guest code on its stack wait, which may be cancelled. Answers whether control is back.
   * @param go goes on with it
   */
  #waitUntil(thread: Thread, ready: (thread: Thread) => boolean, go: Resume): boolean {
    if (thread.task.takesCancel(true)) return go(true, thread);
    thread.cancellable = true;
    thread.ready = ready;
    thread.resume = go;
    if (ready(thread)) thread.wake();
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
    const resume = (cancelled: boolean): boolean => this.#unpark(thread, () => rest(cancelled));
    thread.resume = resume;
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
    (thread.stack as ThreadStack).rest = rest;
    this.current = thread;
    this.#stacks.unpark(thread);
    return false;
  }

  /**
   * Asks a task to end early.
   * @param after as for `run`
   * @returns whether control is back
   */
  requestCancel(task: Task, caller: TaskInstance | undefined, after: After): boolean {
    const { instance } = task;
    if (task.state === 'initial') {
      task.state = 'cancel delivered';
      return this.run(task, true, new ResumedFrame(undefined, undefined, after));
    }
    const isHeld = task.needsExclusive && instance.exclusive !== undefined && instance.exclusive !== task;
    const thread = task.findCancellable(isHeld);
    if (thread === undefined || !instance.mayEnter(caller)) {
      task.state = 'cancel pending';
      return true;
    }
    task.state = 'cancel delivered';
    instance.enter(caller);
    return this.run(thread, true, new ResumedFrame(instance, caller, after));
  }

  #enter(thread: Thread): boolean {
    const { task } = thread;
    const { instance, needsExclusive } = task;
    if (!task.lifted.isAsync || (!instance.hasBackpressure(needsExclusive) && !instance.hasEntering)) {
      return this.#start(task, thread);
    }
    instance.lineUp(thread);
    return this.#waitUntil(thread, mayBegin, this.#enterLater);
  }

  #entersLater(cancelled: boolean, thread: Thread): boolean {
    const { task } = thread;
    task.instance.leaveLine(thread);
    // Only the first in line was woken, so whoever leaves the line wakes the next, even where it leaves without beginning.
    task.instance.wake();
    if (!cancelled) return this.#start(task, thread);
    task.cancel();
    return true;
  }

  #start(task: Task, thread: Thread): boolean {
    const { lifted } = task;
    if (task.needsExclusive) task.instance.exclusive = thread;
    task.register(thread);
    const flat = lifted.lower(task, task.start());
    if (!thread.hasStack) return this.#returned(thread, callCore(lifted.core, flat));
    return this.#stacks.call(thread, lifted.core, flat, (raw) => this.#returned(thread, raw));
  }

  /** The core function of a task has returned. */
  #returned(thread: Thread, raw: unknown): boolean {
    const { task } = thread;
    const { lifted } = task;
    if (lifted.isAsyncLift && lifted.hasCallback) return this.#asked(thread, raw as number);
    if (!lifted.isAsyncLift) {
      task.answer(lifted.lift(raw));
      lifted.after(raw);
    }
    return this.#exit(task, thread);
  }

  #exit(task: Task, thread: Thread): true {
    task.unregister(thread);
    if (task.needsExclusive) task.instance.release();
    return true;
  }

  /** What the guest's function, or its callback, asks for: to end, to be called again at once, or on the next event of a set. */
  #asked(thread: Thread, packed: number): boolean {
    const { instance } = thread.task;
    const code = packed & 0xf;
    if (code === 0) return this.#exit(thread.task, thread);
    if (code > 2) trap(`a callback answers the code ${code}`);
    if (code === 2) {
      const set = instance.handles.other(packed >>> 4);
      if (!(set instanceof WaitableSet)) trap('a callback waits for what is no set');
      thread.awaited = set;
    }
    instance.release();
    thread.awaited?.await(thread, true);
    return this.#waitUntil(thread, mayCallBack, this.#callBack);
  }

  /** Calls the callback of a task, with the event that it waited for. */
  #callsBack(cancelled: boolean, thread: Thread): boolean {
    const { instance, lifted } = thread.task;
    const set = thread.awaited;
    const event: TaskEvent = cancelled ? CANCELLED_EVENT : (set?.takeEvent() ?? NO_EVENT);
    set?.forget(thread);
    thread.awaited = undefined;
    instance.exclusive = thread;
    instance.letGo(thread);
    const core = lifted.callback as CoreCall;
    if (!thread.hasStack) return this.#asked(thread, callCore(core, event) as number);
    return this.#stacks.call(thread, core, event, (raw) => this.#asked(thread, raw as number));
  }

  /** Begins a thread that the guest has made, at its first resumption. */
  startOf(thread: Thread, core: CoreCall, args: readonly unknown[]): void {
    const begin = (): boolean =>
      this.#call(thread, core, args, () => {
        thread.task.unregister(thread);
        return true;
      });
    thread.resume = begin;
    thread.task.register(thread);
  }

  #call(thread: Thread, core: CoreCall, args: readonly unknown[], then: (raw: unknown) => boolean): boolean {
    if (thread.hasStack) return this.#stacks.call(thread, core, args, then);
    return then(callCore(core, args));
  }
}

/** Goes on with a caller that needs nothing more. */
const HERE: After = () => true;
const ENDED = { failure: undefined };

function callCore({ callee }: CoreCall, args: readonly unknown[]): unknown {
  return (callee as (...args: readonly unknown[]) => unknown)(...args);
}

function mayBegin({ task }: Thread): boolean {
  return !task.instance.hasBackpressure(task.needsExclusive);
}

function mayCallBack(thread: Thread): boolean {
  return thread.task.instance.exclusive === undefined && hasItsEvent(thread);
}

/** Whether a callback has the event that it waits for, or waits for none. */
function hasItsEvent({ awaited }: Thread): boolean {
  return awaited?.hasEvent !== false;
}

/** The frame of a task that was begun. */
class BeginningFrame extends Frame {
  readonly #store: TaskStore;
  readonly #task: Task;
  readonly #caller: TaskInstance | undefined;
  readonly #after: After;
  isLate = false;

  constructor(store: TaskStore, task: Task, caller: TaskInstance | undefined, after: After) {
    super();
    this.#store = store;
    this.#task = task;
    this.#caller = caller;
    this.#after = after;
  }

  leave(): void {}

  goOn(): boolean {
    return this.settle();
  }

  /** Runs a synchronous task until it has answered. Answers whether control is back. */
  settle(): boolean {
    const task = this.#task;
    while (!task.lifted.isAsync && task.state !== 'resolved') {
      const next = this.#store.readyIn(task.instance);
      if (next === undefined) trap('a synchronous task waits for what only others could do');
      if (!this.#store.run(next, false, this)) return false;
    }
    task.instance.leave(this.#caller);
    return this.isLate ? this.#after() : true;
  }
}

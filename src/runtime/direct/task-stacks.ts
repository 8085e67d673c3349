import { type Execution, GuestEntry, type Turn, type TurnScheduler, TurnStack } from '#runtime/execution';
import type { CoreCall, Stacks, TaskStore, Thread } from '#runtime/tasks';

/** The part of the scheduler that stacks of one turn need. */
export interface StackScheduler extends Pick<TurnScheduler, 'parkStack' | 'waitUntilTold' | 'wentOn'> {
  /** Whether it suspends stacks at all. */
  readonly suspends: boolean;
  /** Whether code on a stack may call any number of times code on stacks of their own. */
  readonly mayNest: boolean;
}

type StackOfThread = NonNullable<Thread['stack']>;

/** One stack of a thread: one call of a core function. */
class CallStack extends TurnStack implements StackOfThread {
  rest: (() => unknown) | undefined = undefined;
  /** Whether it was resumed, so that no call from JavaScript waits for it on the thread. */
  isLate = false;
  readonly #thread: Thread;
  readonly #back: () => void;
  readonly #parked: Set<CallStack>;

  constructor(turn: Turn, thread: Thread, back: () => void, parked: Set<CallStack>) {
    super(turn);
    this.#thread = thread;
    this.#back = back;
    this.#parked = parked;
  }

  suspended(): void {
    this.#parked.add(this);
    // A thread that only waits for what it has begun has given control away already.
    if (this.isLate && this.#thread.resume !== undefined) this.#back();
  }
}

/** Runs the threads of one store on stacks of their own, within the store's turn. */
export class TaskStacks implements Stacks {
  readonly #execution: Execution;
  readonly #turn: Turn;
  readonly #scheduler: StackScheduler;
  readonly look: () => void;
  /** Whether all guest code that waits below the code that is called next is on stacks which can be suspended. */
  mayPreempt = true;
  #store: TaskStore | undefined;
  /** What goes on when the turn has waited. */
  #then: (() => void) | undefined;
  readonly #proceed = (): void => {
    queueMicrotask(this.#wentOn);
  };
  readonly #wentOn = (): void => {
    this.#scheduler.wentOn(this.#turn);
    this.#now(this.#goOn);
  };
  readonly #goOn = (): void => {
    this.#turn.take();
    const then = this.#then;
    this.#then = undefined;
    then?.();
  };
  readonly #back = (): void => this.#section(() => this.#store?.back());
  /** The stacks that are suspended. */
  readonly #parked = new Set<CallStack>();
  /** Whether the store has ended. */
  #isOver = false;
  readonly #trapped = (thrown: unknown): void => this.#failed(thrown);

  constructor(execution: Execution, turn: Turn, scheduler: StackScheduler, look: () => void) {
    this.#execution = execution;
    this.#turn = turn;
    this.#scheduler = scheduler;
    this.look = look;
  }

  /**
   * Whether guest code gives the thread away when its slice is used up, for which it needs a stack.
   * @param isOutermost whether the host calls it, and not guest code that runs on a stack itself
   */
  preempts(isOutermost: boolean): boolean {
    return this.#turn.preemptive && (isOutermost ? this.#scheduler.suspends : this.#scheduler.mayNest);
  }

  /** Gives the stacks the store whose threads they run. */
  serve(store: TaskStore): void {
    this.#store = store;
  }

  call(thread: Thread, core: CoreCall, args: readonly unknown[], then: (raw: unknown) => boolean): boolean {
    const entry = this.#entryOf(core);
    const stack = new CallStack(this.#turn, thread, this.#back, this.#parked);
    thread.stack = stack;
    const turn = this.#turn;
    turn.suspendable = turn.preemptive && this.mayPreempt;
    const ended = entry.enter(entry, entry.callee, ...args);
    turn.suspendable = false;
    if (entry.isAnswered) {
      const { raw } = entry;
      entry.reset();
      core.entry = entry;
      thread.stack = undefined;
      return then(raw);
    }
    const onAnswer = (): void =>
      this.#section(() => {
        thread.stack = undefined;
        if (then(entry.raw)) this.#store?.back();
      });
    entry.onAnswer = onAnswer;
    ended.then(undefined, this.#trapped);
    stack.isLate = true;
    // A guest that has trapped is not suspended either. Then nothing goes on, and its promise tells the reason.
    return thread.resume !== undefined;
  }

  /** An entry that no call uses. A function may be called while a call of it is suspended. */
  #entryOf(core: CoreCall): GuestEntry {
    const kept = core.entry as GuestEntry | undefined;
    if (kept === undefined) {
      return new GuestEntry(core.callee as WebAssembly.ExportValue, core.parameters, core.results);
    }
    core.entry = undefined;
    return kept;
  }

  park(thread: Thread): void {
    this.#scheduler.parkStack(thread.stack as CallStack);
  }

  unpark(thread: Thread): void {
    const stack = thread.stack as CallStack;
    // The stacks that run now are suspended before any microtask.
    queueMicrotask(() => {
      if (!this.#parked.delete(stack)) return;
      this.#park();
      stack.proceed?.();
    });
  }

  /** Lets the stacks that are still suspended trap, one after the other. Called when the store has ended. */
  end(): void {
    this.#isOver = true;
    queueMicrotask(() => this.#unwind());
  }

  #unwind(): void {
    const [stack] = this.#parked;
    if (stack === undefined) return;
    this.#parked.delete(stack);
    stack.isOver = true;
    stack.proceed?.();
  }

  wait(then: () => void): void {
    this.#then = then;
    this.#scheduler.waitUntilTold(this.#turn, 'a task', this.#proceed);
  }

  wake(): void {
    const turn = this.#turn;
    if (turn.proceed === undefined) return;
    turn.settle(undefined, false);
    turn.goOn();
  }

  breathe(then: () => void): void {
    this.wait(then);
    setImmediate(() => this.wake());
  }

  #failed(thrown: unknown): void {
    if (this.#isOver) {
      this.#execution.leave(this.#turn);
      this.#unwind();
      return;
    }
    this.#park();
    this.#store?.fail(thrown);
  }

  /** Does work of the turn, after the stack that runs has been suspended or has ended. */
  #section(work: () => void): void {
    queueMicrotask(() => this.#now(work));
  }

  #now(work: () => void): void {
    if (this.#store?.isIdle !== false) return;
    this.#execution.reclaim(this.#turn);
    this.#turn.suspendable = false;
    try {
      work();
    } catch (thrown) {
      this.#store.fail(thrown);
    } finally {
      this.#park();
    }
  }

  #park(): void {
    if (this.#execution.isRunning(this.#turn)) this.#execution.park(this.#turn);
  }
}

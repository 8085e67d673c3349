import { type Execution, GuestEntry, type Turn, type TurnScheduler, TurnStack } from '#runtime/execution';
import type { CoreCall, Stacks, TaskStore, Thread } from '#runtime/tasks';

/** The part of the scheduler that stacks of one turn need. */
export type StackScheduler = Pick<TurnScheduler, 'parkStack' | 'waitOutside'>;

/** One stack of a thread: one call of a core function. */
class ThreadStack extends TurnStack {
  /** Whether it was resumed, so that no call from JavaScript waits for it on the thread. */
  isLate = false;
  readonly #thread: Thread;
  readonly #back: () => void;

  constructor(turn: Turn, thread: Thread, back: () => void) {
    super(turn);
    this.#thread = thread;
    this.#back = back;
  }

  suspended(): void {
    // A thread that only waits for what it has begun has given control away already.
    if (this.isLate && this.#thread.resume !== undefined) this.#back();
  }
}

/** Runs the threads of one store on stacks of their own, within the store's turn. */
export class TaskStacks implements Stacks {
  readonly #execution: Execution;
  readonly #turn: Turn;
  readonly #scheduler: StackScheduler;
  readonly #stacks = new WeakMap<Thread, ThreadStack>();
  #store: TaskStore | undefined;

  constructor(execution: Execution, turn: Turn, scheduler: StackScheduler) {
    this.#execution = execution;
    this.#turn = turn;
    this.#scheduler = scheduler;
  }

  /** Gives the stacks the store whose threads they run. */
  serve(store: TaskStore): void {
    this.#store = store;
  }

  call(thread: Thread, core: CoreCall, args: readonly unknown[], then: (raw: unknown) => boolean): boolean {
    const callee = core.callee as WebAssembly.ExportValue;
    const entry = new GuestEntry(callee, core.parameters, core.results);
    const stack = new ThreadStack(this.#turn, thread, () => this.#section(() => this.#store?.back()));
    this.#stacks.set(thread, stack);
    entry.onAnswer = () => {
      if (!stack.isLate) return;
      this.#section(() => {
        if (then(entry.raw)) this.#store?.back();
      });
    };
    const ended = entry.enter(entry, callee, ...args);
    ended.then(undefined, (thrown: unknown) => this.#failed(thrown));
    if (entry.isAnswered) return then(entry.raw);
    stack.isLate = true;
    // A guest that has trapped is not suspended either. Then nothing goes on, and its promise tells the reason.
    return thread.resume !== undefined;
  }

  park(thread: Thread): void {
    this.#scheduler.parkStack(this.#stacks.get(thread) as ThreadStack);
  }

  unpark(thread: Thread): void {
    const stack = this.#stacks.get(thread) as ThreadStack;
    // The stacks that run now are suspended before any microtask.
    queueMicrotask(() => {
      this.#park();
      stack.proceed();
    });
  }

  wait(promise: Promise<void>, then: () => void): void {
    const turn = this.#turn;
    this.#scheduler.waitOutside(turn, promise, 'a task').then(
      () =>
        this.#now(() => {
          if (!turn.isSettled) throw new Error('the turn has ended while it waited');
          turn.take();
          then();
        }),
      (thrown: unknown) => this.#store?.fail(thrown),
    );
  }

  breathe(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  #failed(thrown: unknown): void {
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

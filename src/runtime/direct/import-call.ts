import { Later, type LaterListener } from '#core/waiting';
import { hostWouldBlock, isThenable } from '#runtime/code';
import { execution } from '#runtime/execution';
import { Continuation, cancelPending, HostCall, type HostCaller, type TurnCaller } from '#runtime/host';
import { CalledTask, SUBTASK, Subtask, Task, type TaskInstance, type TaskStore, type Thread } from '#runtime/tasks';
import { RuntimeError } from '../errors.ts';
import type { HandleTable } from './handle-table.ts';
import type { HostPlan, LiftPlan, LowerPlan, State } from './store-tasks.ts';

type Lent = Parameters<HandleTable['giveBack']>[0];

const NOTHING_LENT: readonly unknown[] = [];

function isPromise(answer: unknown, mayHaveThen: boolean): answer is PromiseLike<unknown> {
  return answer instanceof Promise || (!mayHaveThen && isThenable(answer));
}

/**
 * One call that a guest makes by a lowered function: of another component instance, or of the host, which may answer later. Ten thousand
 * may wait in one store, so everything is a field of this one object, and it has no methods that begin with `#`, for which V8 keeps one more.
 */
export class ImportCall extends Subtask implements LaterListener {
  readonly #s: State;
  readonly #plan: LowerPlan;
  readonly #thread: Thread;
  /** Its core arguments, until it has begun, and then the core value that a synchronous caller is answered. */
  #core: unknown;
  /** The last of its core arguments. */
  readonly #out: unknown;
  #lent: unknown[] | undefined = undefined;
  /** What is called: a task of another instance, or the host's function, if that has asked who calls it. */
  #callee: Task | HostCall | undefined = undefined;
  /** Whether something of the host's is waited for, or has its outcome, which goes on in the turn. */
  #wait: 'none' | 'awaited' | 'answered' | 'failed' = 'none';
  /** What is waited for, and then its outcome. */
  #pending: unknown = undefined;

  constructor(s: State, plan: LowerPlan, thread: Thread, flat: readonly unknown[]) {
    super();
    this.#s = s;
    this.#plan = plan;
    this.#thread = thread;
    this.#core = flat;
    this.#out = flat.length === 0 ? undefined : flat[flat.length - 1];
  }

  private get store(): TaskStore {
    return this.#s.tasks.store;
  }

  /** Begins the call. Answers its core value; undefined where the guest's thread is suspended, which calls again. */
  begin(): unknown {
    const { host } = this.#plan;
    if (host === undefined) return this.beginTask(this.#plan.callee as LiftPlan);
    this.callHost(host, this.start());
    return this.rest();
  }

  private beginTask(plan: LiftPlan): unknown {
    const { tasks } = this.#s;
    const store = this.store;
    const task = new CalledTask(
      tasks.lifted(this.#s, plan),
      tasks.instance(plan.instance),
      this,
      this.#thread.task.call,
    );
    this.#callee = task;
    let resume: () => boolean = () => true;
    const caller = tasks.instance(this.#plan.instance);
    if (store.begin(task, caller, () => resume())) return this.rest();
    resume = store.suspend(this.#thread, () => this.rest());
    return undefined;
  }

  start(): readonly unknown[] {
    this.state = SUBTASK.started;
    this.progressed();
    this.#lent = [];
    const args = this.#plan.liftArgs(this.#s, this.#lent, this.#core as readonly unknown[]);
    this.#core = undefined;
    if (this.#lent.length === 0) this.#lent = undefined;
    return args;
  }

  resolved(value: unknown, isCancelled: boolean): void {
    if (isCancelled) {
      this.state = this.state === SUBTASK.starting ? SUBTASK.cancelledBeforeStarted : SUBTASK.cancelledBeforeReturned;
    } else {
      this.#core = this.lowered(value);
      this.state = SUBTASK.returned;
    }
    this.progressed();
  }

  private lowered(value: unknown): unknown {
    const store = this.store;
    if (store.current === this.#thread) return this.#plan.lowerResult(this.#s, value, this.#out);
    return store.runFor(this.#thread, () => this.#plan.lowerResult(this.#s, value, this.#out));
  }

  private progressed(): void {
    if (this.handle !== 0) this.setEvent();
    else if (this.isResolved) this.syncWaiter?.wake();
  }

  protected giveBack(): void {
    const table = this.#s.handles[this.#plan.instance] as HandleTable;
    for (const entry of (this.#lent ?? NOTHING_LENT) as readonly Lent[]) table.giveBack(entry);
  }

  /** The call has begun, and control is back: what the guest is answered. */
  private rest(): unknown {
    if (!this.#plan.isAsyncLower) {
      if (this.isResolved) return this.synchronous();
      this.syncWaiter = this.#thread;
      return this.store.block(
        this.#thread,
        () => this.isResolved,
        false,
        () => this.synchronous(),
      );
    }
    if (this.isResolved) {
      this.deliver();
      return SUBTASK.returned;
    }
    this.handle = this.#s.tasks.instance(this.#plan.instance).handles.addOther(this);
    return this.state | (this.handle << 4);
  }

  private synchronous(): unknown {
    this.syncWaiter = undefined;
    this.deliver();
    return this.#core;
  }

  cancel(caller: TaskInstance, after: () => boolean): boolean {
    const callee = this.#callee;
    if (callee instanceof Task) return this.store.requestCancel(callee, caller, after);
    const { name } = this.#plan.host as HostPlan;
    this.resolved(undefined, true);
    this.forgetHost();
    callee?.cancel(new RuntimeError('RUNTIME_ABORTED', `the guest has cancelled its call of ${name}`));
    return true;
  }

  /** What an embedder's function is told of the call, once it asks. */
  callerIn(turn: TurnCaller): HostCaller {
    const hostCall = this.#callee instanceof HostCall ? this.#callee : new HostCall();
    this.#callee = hostCall;
    return hostCall.callerIn(turn);
  }

  /** Calls a function of the host, which may answer later. The value is taken unless the guest has cancelled the call. */
  private callHost(host: HostPlan, args: readonly unknown[]): void {
    const { call } = this.#thread.task;
    const turn = execution.running;
    const { mayWait } = turn;
    // The turn waits for the answer, and not the stack that calls.
    turn.mayWait = this.mayAwait;
    turn.hostCall = this;
    try {
      let raw: unknown;
      try {
        raw = call === undefined ? host.call(this.#s, args) : call.inContext(() => host.call(this.#s, args));
      } catch (thrown) {
        this.resolved(host.failed(this.#s, thrown), false);
        return;
      }
      this.take(host, raw);
    } finally {
      turn.mayWait = mayWait;
      turn.hostCall = undefined;
    }
  }

  /** Takes what the host has answered: a value, a promise, or work that goes on in the turn. */
  private take(host: HostPlan, answered: unknown): void {
    let value: unknown;
    try {
      let raw = answered instanceof Continuation ? answered.run() : answered;
      if (raw instanceof Later && host.isFuture) raw = raw.promise();
      if (!host.isFuture && (raw instanceof Later || isPromise(raw, host.mayHaveThen))) {
        this.await(host, raw);
        return;
      }
      value = host.answer(this.#s, raw);
    } catch (thrown) {
      value = host.failed(this.#s, thrown);
    }
    this.resolved(value, false);
  }

  /** Whether the host may answer later. */
  private get mayAwait(): boolean {
    const { isAwaited, isDropping } = this.store;
    return isAwaited || (isDropping && this.#plan.isAsyncLower);
  }

  private await({ name }: HostPlan, pending: Later<unknown> | PromiseLike<unknown>): void {
    if (!this.mayAwait) throw hostWouldBlock(name, pending);
    this.store.hostCalled();
    this.#pending = pending;
    this.#wait = 'awaited';
    if (pending instanceof Later) {
      pending.listen(this);
      return;
    }
    // Ten thousand calls may wait, and a bound function is half as large as a closure with its context.
    Promise.resolve(pending).then(this.laterAnswered.bind(this), this.laterFailed.bind(this));
  }

  laterAnswered(value: unknown): void {
    this.settled(value, 'answered');
  }

  laterFailed(thrown: unknown): void {
    this.settled(thrown, 'failed');
  }

  private settled(outcome: unknown, how: 'answered' | 'failed'): void {
    if (this.#wait !== 'awaited') return;
    this.#pending = outcome;
    this.#wait = how;
    this.store.enqueueJob(this);
  }

  /** Goes on, in the turn, with what the host has answered. */
  run(): void {
    const how = this.#wait;
    const outcome = this.#pending;
    if (!this.endWait()) return;
    const store = this.store;
    store.hostArrived();
    const host = this.#plan.host as HostPlan;
    const { current } = store;
    store.current = this.#thread;
    if (how === 'failed') this.resolved(host.failed(this.#s, outcome), false);
    else this.take(host, outcome);
    store.current = current;
  }

  /** Answers whether something of the host's was waited for, or had its outcome. */
  private endWait(): boolean {
    if (this.#wait === 'none') return false;
    this.#wait = 'none';
    this.#pending = undefined;
    return true;
  }

  /** Nobody takes the answer of the host any more. */
  private forgetHost(): void {
    const isPending = this.#wait === 'awaited';
    const pending = this.#pending;
    if (!this.endWait()) return;
    this.store.hostArrived();
    if (!isPending) return;
    if (pending instanceof Later) pending.drop();
    else cancelPending(pending as object);
  }
}

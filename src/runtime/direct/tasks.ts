import { Later } from '#core/waiting';
import { hostWouldBlock, isThenable } from '#runtime/code';
import { trap } from '#runtime/exchange';
import { Continuation, execution, hasSignature } from '#runtime/execution';
import { cancellable, cancelPending, HostCall } from '#runtime/host';
import {
  builtins,
  type CopyBuffer,
  SUBTASK,
  Subtask,
  Task,
  type TaskInstance,
  type TaskStore,
  type Thread,
} from '#runtime/tasks';
import { RuntimeError } from '../errors.ts';
import { GuestBuffer } from './guest-buffer.ts';
import type { HandleTable } from './handle-table.ts';
import { collected, toHost } from './host-copies.ts';
import { fromHost } from './host-writers.ts';
import type { HostPlan, LiftPlan, LowerPlan, PayloadPlan, State } from './store-tasks.ts';

type Lent = Parameters<HandleTable['giveBack']>[0];
type Builtin = (...args: never[]) => unknown;

/** Wraps a function that a guest calls: goes on in a built-in where its thread was suspended, or begins one. */
function trampoline(
  instance: number,
  zero: unknown,
  mayLeave: (s: State) => boolean,
  run: (s: State, thread: Thread, flat: readonly unknown[]) => unknown,
): Builtin {
  return (...flat: readonly unknown[]): unknown => {
    const turn = execution.running;
    const s = turn.entry as State;
    const { tasks } = s;
    const thread = tasks.thread(instance);
    // Until the guest has control again, no stack on which it was called may be suspended.
    const { suspendable } = turn;
    const { mayPreempt } = tasks.stacks;
    turn.suspendable = false;
    tasks.stacks.mayPreempt = mayPreempt && suspendable;
    try {
      const { rest } = thread;
      if (rest !== undefined) {
        thread.rest = undefined;
        return rest() ?? zero;
      }
      if (!mayLeave(s)) trap('the component called an import while it was allocating or cleaning up');
      return run(s, thread, flat) ?? zero;
    } catch (thrown) {
      return s.fail(thrown);
    } finally {
      turn.suspendable = suspendable;
      tasks.stacks.mayPreempt = mayPreempt;
    }
  };
}

function isOk(result: unknown): result is { readonly val: unknown } {
  return (result as { readonly tag: string }).tag === 'ok';
}

/** The tasks of the store whose guest is running. */
function runningTasks(): State['tasks'] {
  return (execution.running.entry as State).tasks;
}

function readContext(instance: number, slot: 0 | 1): number | bigint {
  const tasks = runningTasks();
  const global = tasks.instance(instance).context(slot);
  return global === undefined ? tasks.thread(instance).storage[slot] : (global.value as number | bigint);
}

function isPromise(answer: unknown, mayHaveThen: boolean): answer is PromiseLike<unknown> {
  return answer instanceof Promise || (!mayHaveThen && isThenable(answer));
}

/**
 * Calls a function of the host, which may answer later. `resolve` takes the value, unless the guest has cancelled the call.
 * The benchmark `async` forbids an object of options for each call.
 * @returns what ends the wait for a later answer, and what the host does for it where the host's function permits that
 */
function callHost(
  s: State,
  thread: Thread,
  host: HostPlan,
  args: readonly unknown[],
  resolve: (value: unknown) => void,
  hostCall: HostCall,
): () => void {
  const { store } = s.tasks;
  let cancel = (): void => {};
  const settle = (outcome: () => unknown): void => {
    let value: unknown;
    try {
      let raw = outcome();
      if (raw instanceof Continuation) raw = raw.run();
      if (raw instanceof Later) {
        const later = raw;
        raw = cancellable(later.promise(), () => later.drop());
      }
      if (!host.isFuture && isPromise(raw, host.mayHaveThen)) {
        if (!store.isAwaited) throw hostWouldBlock(host.name, raw);
        const forget = store.awaitHost(raw, (settled) => {
          if (hostCall.isCancelled) return;
          const { current } = store;
          store.current = thread;
          settle(() => {
            if ('thrown' in settled) throw settled.thrown;
            return settled.value;
          });
          store.current = current;
        });
        const pending = raw;
        cancel = () => {
          forget();
          cancelPending(pending);
        };
        return;
      }
      value = host.answer(s, raw);
    } catch (thrown) {
      value = host.failed(s, thrown);
    }
    resolve(value);
  };
  const { call } = thread.task;
  const turn = execution.running;
  const { mayWait } = turn;
  // The turn waits for the answer, and not the stack that calls.
  turn.mayWait = store.isAwaited;
  turn.hostCall = hostCall;
  try {
    settle(() => (call === undefined ? host.call(s, args) : call.inContext(() => host.call(s, args))));
  } finally {
    turn.mayWait = mayWait;
    turn.hostCall = undefined;
  }
  return () => cancel();
}

/** What the code of components with asynchronous parts calls. */
export const TASKS = {
  /** Makes the function by which the host calls an export. It answers a promise where the call has not ended at once. */
  exported(plan: LiftPlan): (s: State, ...args: readonly unknown[]) => unknown {
    return (s, ...args) => {
      const beginning = s.tasks.store.beginning ?? execution.running;
      const { answered } = beginning;
      beginning.answered = undefined;
      plan.claim?.(s, ...args);
      const claims = plan.claim === undefined ? undefined : s.given?.takeClaims();
      const end = (): void => {
        if (claims !== undefined) s.given?.endCall(claims);
      };
      let value: unknown;
      let later: Promise<void> | undefined;
      try {
        later = s.tasks.store.callFromOutside(
          s.tasks.lifted(s, plan),
          s.tasks.instance(plan.instance),
          args,
          (answer, isCancelled) => {
            // Nobody takes the answer of a call that the host has ended early.
            if (isCancelled) return;
            value = plan.outward(s, answer);
            if (answered === undefined) return;
            const until = !plan.isResult ? answered(value) : isOk(value) ? answered(value.val) : undefined;
            if (until !== undefined) s.tasks.store.holdUntil(until);
          },
          answered !== undefined,
        );
      } catch (thrown) {
        end();
        throw thrown;
      }
      const answer = (): unknown => {
        if (!plan.isResult || value === undefined) return value;
        if (isOk(value)) return value.val;
        s.answeredError = true;
        throw (value as { readonly val: unknown }).val;
      };
      if (later !== undefined) return later.finally(end).then(answer);
      end();
      return answer();
    };
  },

  lowered(plan: LowerPlan): Builtin {
    return trampoline(plan.instance, plan.zero, plan.mayLeave, (s, thread, flat) => {
      const { store } = s.tasks;
      const instance = s.tasks.instance(plan.instance);
      const table = s.handles[plan.instance] as HandleTable;
      const subtask = new Subtask((lent) => {
        for (const entry of lent as readonly Lent[]) table.giveBack(entry);
      });
      let handle: number | undefined;
      const progressed = (): void => {
        if (handle !== undefined) subtask.notify(handle);
        else if (subtask.isResolved) subtask.syncWaiter?.();
      };
      const onStart = (): readonly unknown[] => {
        subtask.state = SUBTASK.started;
        progressed();
        return plan.liftArgs(s, subtask.lent, flat);
      };
      const onResolve = (value: unknown, isCancelled: boolean): void => {
        if (isCancelled) {
          subtask.state =
            subtask.state === SUBTASK.starting ? SUBTASK.cancelledBeforeStarted : SUBTASK.cancelledBeforeReturned;
        } else {
          subtask.result = store.runFor(thread, () => plan.lowerResult(s, value, flat));
          subtask.state = SUBTASK.returned;
        }
        progressed();
      };
      const synchronous = (): unknown => {
        subtask.syncWaiter = undefined;
        subtask.deliver();
        return subtask.result;
      };
      const rest = (): unknown => {
        if (!plan.isAsyncLower) {
          if (subtask.isResolved) return synchronous();
          subtask.syncWaiter = thread.wake;
          return store.block(thread, () => subtask.isResolved, false, synchronous);
        }
        if (subtask.isResolved) {
          subtask.deliver();
          return SUBTASK.returned;
        }
        handle = instance.handles.addOther(subtask);
        return subtask.state | (handle << 4);
      };
      if (plan.host !== undefined) {
        const hostCall = new HostCall();
        const { name } = plan.host;
        subtask.cancel = () => {
          onResolve(undefined, true);
          cancel();
          hostCall.cancel(new RuntimeError('RUNTIME_ABORTED', `the guest has cancelled its call of ${name}`));
          return true;
        };
        const cancel = callHost(s, thread, plan.host, onStart(), (value) => onResolve(value, false), hostCall);
        return rest();
      }
      const callee = plan.callee as LiftPlan;
      const task = new Task(callee, s.tasks.instance(callee.instance), onStart, onResolve, thread.task.call);
      subtask.cancel = (caller, after) => store.requestCancel(task, caller, after);
      let resume: () => boolean = () => true;
      if (store.begin(task, s.tasks.lifted(s, callee), instance, () => resume())) return rest();
      resume = store.suspend(thread, rest);
      return undefined;
    });
  },

  /** Makes a built-in that the planner has given its operands. */
  builtin(
    instance: number,
    zero: unknown,
    mayLeave: (s: State) => boolean,
    run: (s: State, caller: BuiltinCall, flat: readonly never[]) => unknown,
  ): Builtin {
    return trampoline(instance, zero, mayLeave, (s, thread, flat) =>
      run(s, { store: s.tasks.store, thread, instance: s.tasks.instance(instance) }, flat as readonly never[]),
    );
  },

  builtins,

  /**
   * Makes the function by which a guest reads a number of its thread, where it does not read a global. Guests call it more often than any
   * other built-in, so it does nothing else: it never suspends its thread, is allowed at any time, and cannot fail.
   */
  contextGet(instance: number, slot: 0 | 1, isWide: boolean): Builtin {
    return isWide ? () => BigInt(readContext(instance, slot)) : () => Number(readContext(instance, slot));
  },

  /** Makes the function by which a guest sets a number of its thread, for which the same holds. */
  contextSet(instance: number, slot: 0 | 1): Builtin {
    return (value: number | bigint) => {
      const tasks = runningTasks();
      const global = tasks.instance(instance).context(slot);
      if (global === undefined) tasks.thread(instance).storage[slot] = value;
      else global.value = typeof global.value === 'bigint' ? BigInt(value) : Number(value);
    };
  },

  toHost,
  fromHost,
  collected,

  buffer: (s: State, plan: PayloadPlan, pointer: unknown, length: number): CopyBuffer =>
    new GuestBuffer(s, plan, pointer, length),

  /** Makes a thread that calls a function of a table, at its first resumption. */
  newThread({ store, thread }: BuiltinCall, table: WebAssembly.Table, index: number, argument: unknown): number {
    const callee: unknown = index < table.length ? table.get(index) : undefined;
    const parameters = typeof argument === 'bigint' ? 'I' : 'i';
    if (typeof callee !== 'function') trap(`a thread begins with function ${index} of a table, where none is`);
    if (!hasSignature(callee as WebAssembly.ExportValue, parameters, '')) {
      trap(`a thread begins with function ${index} of a table, which is of another type`);
    }
    const made = store.newThread(thread.task, true);
    store.startOf(made, { callee: callee as (...args: never[]) => unknown, parameters, results: '' }, [argument]);
    return made.index;
  },

  /** Destroys a resource of another instance, or of the same one. */
  destroy(
    s: State,
    definedBy: number,
    caller: number,
    destructor: (representation: unknown) => void,
    representation: unknown,
  ): void {
    const instance = s.tasks.instance(definedBy);
    const from = s.tasks.instance(caller);
    const turn = execution.running;
    const { suspendable } = turn;
    turn.suspendable = false;
    instance.enter(from);
    s.tasks.runDestructor(definedBy, () => destructor(representation));
    instance.leave(from);
    turn.suspendable = suspendable;
  },
} as const;

export interface BuiltinCall {
  readonly store: TaskStore;
  readonly thread: Thread;
  readonly instance: TaskInstance;
}

import { trap } from '#runtime/exchange';
import { execution, hasSignature } from '#runtime/execution';
import { builtins, type CopyBuffer, type TaskInstance, type TaskStore, type Thread } from '#runtime/tasks';
import { callExport } from './export-call.ts';
import { GuestBuffer } from './guest-buffer.ts';
import { collected, passedOn, toHost } from './host-copies.ts';
import { fromHost } from './host-writers.ts';
import { ImportCall } from './import-call.ts';
import type { LiftPlan, LowerPlan, PayloadPlan, State } from './store-tasks.ts';

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
      const { stack } = thread;
      if (stack?.rest !== undefined) {
        const { rest } = stack;
        stack.rest = undefined;
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

/** The tasks of the store whose guest is running. */
function runningTasks(): State['tasks'] {
  return (execution.running.entry as State).tasks;
}

function readContext(instance: number, slot: 0 | 1): number | bigint {
  const tasks = runningTasks();
  return tasks.instance(instance).numberOf(tasks.thread(instance), slot);
}

/** What the code of components with asynchronous parts calls. */
export const TASKS = {
  /** Makes the function by which the host calls an export. It answers a `Later` where the call has not ended at once. */
  exported(plan: LiftPlan): (s: State, ...args: readonly unknown[]) => unknown {
    return (s, ...args) => callExport(s, plan, args);
  },

  lowered(plan: LowerPlan): Builtin {
    return trampoline(plan.instance, plan.zero, plan.mayLeave, (s, thread, flat) =>
      new ImportCall(s, plan, thread, flat).begin(),
    );
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
      tasks.instance(instance).setNumberOf(tasks.thread(instance), slot, value);
    };
  },

  toHost,
  fromHost,
  collected,
  passedOn,

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

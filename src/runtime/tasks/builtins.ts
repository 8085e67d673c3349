import { trap } from '#runtime/exchange';
import { type CopyBuffer, CopyEnd, SharedCopy } from './copies.ts';
import { Subtask } from './subtask.ts';
import type { TaskInstance, Thread } from './task.ts';
import type { TaskStore } from './task-store.ts';
import { CANCELLED_EVENT, EVENT, NO_EVENT, type TaskEvent, Waitable, WaitableSet } from './waitable.ts';

/** Who calls a built-in. */
export interface BuiltinCaller {
  readonly store: TaskStore;
  readonly thread: Thread;
  readonly instance: TaskInstance;
}

/** The payload of streams or futures, as far as built-ins need to know it. */
export interface Payload {
  /** The number of the type in the component. */
  readonly type: number;
  readonly isFuture: boolean;
  readonly isNumeric: boolean;
}

/** Writes an event where the guest wants it, and answers its code. */
export type Deliver = (event: TaskEvent) => number;

/** What a built-in answers for an operation that goes on. */
const BLOCKED = 0xffff_ffff | 0;
const MOST_BACKPRESSURE = 2 ** 16;
const always = (): boolean => true;

function waitableSet({ handles }: TaskInstance, handle: number): WaitableSet {
  const found = handles.other(handle);
  return found instanceof WaitableSet ? found : trap(`handle ${handle} is no waitable set`);
}

function copyEnd(end: object, { type, isFuture }: Payload, isReadable: boolean): CopyEnd {
  if (!(end instanceof CopyEnd) || end.isReadable !== isReadable || end.shared.isFuture !== isFuture) {
    trap(`a handle is not the ${isReadable ? 'readable' : 'writable'} end of a ${isFuture ? 'future' : 'stream'}`);
  }
  if (end.shared.type !== type) trap('a stream or future has another type');
  return end;
}

/** Waits until something has happened to a waitable on behalf of a synchronous built-in. @param isOver what has to be so */
function waitForEvent(
  { store, thread }: BuiltinCaller,
  waitable: Waitable,
  rest: () => unknown,
  isOver: () => boolean,
): unknown {
  waitable.syncWaiter = thread;
  return store.block(thread, isOver, false, () => {
    waitable.syncWaiter = undefined;
    return rest();
  });
}

/**
 * The built-ins of the canonical ABI that concern tasks, as `definitions.py` has them. Handles and numbers come from the guest;
 * each misuse is a trap. Where one suspends its thread, its answer is ignored, and the guest calls it again.
 */
export const builtins = {
  backpressure({ instance }: BuiltinCaller, by: 1 | -1): void {
    instance.backpressure += by;
    if (instance.backpressure < 0 || instance.backpressure === MOST_BACKPRESSURE) {
      trap(`backpressure is ${by > 0 ? 'asked for too often' : 'given up more often than asked for'}`);
    }
    if (instance.backpressure === 0) instance.wake();
  },

  taskReturn({ thread: { task } }: BuiltinCaller, returns: number, lift: () => unknown): void {
    if (!task.lifted.isAsyncLift) trap('task.return is called by a task that answers by returning');
    if (task.lifted.returns !== returns) trap('task.return has another result or other options than its task');
    task.answer(lift());
  },

  taskCancel({ thread: { task } }: BuiltinCaller): void {
    if (!task.lifted.isAsyncLift) trap('task.cancel is called by a task that answers by returning');
    task.cancel();
  },

  setNew({ instance }: BuiltinCaller): number {
    return instance.handles.addOther(new WaitableSet());
  },

  setWait({ store, thread, instance }: BuiltinCaller, handle: number, cancellable: boolean, deliver: Deliver): unknown {
    const set = waitableSet(instance, handle);
    if (thread.task.takesCancel(cancellable)) return deliver(CANCELLED_EVENT);
    if (set.hasEvent) return deliver(set.takeEvent());
    set.await(thread, false);
    return store.block(
      thread,
      () => set.hasEvent,
      cancellable,
      (cancelled) => {
        const event = cancelled ? CANCELLED_EVENT : set.takeEvent();
        set.forget(thread);
        return deliver(event);
      },
    );
  },

  setPoll({ thread, instance }: BuiltinCaller, handle: number, cancellable: boolean, deliver: Deliver): number {
    const set = waitableSet(instance, handle);
    if (thread.task.takesCancel(cancellable)) return deliver(CANCELLED_EVENT);
    return deliver(set.hasEvent ? set.takeEvent() : NO_EVENT);
  },

  setDrop({ instance }: BuiltinCaller, handle: number): void {
    const set = waitableSet(instance, handle);
    instance.handles.takeOther(handle);
    if (!set.isEmpty) trap('a waitable set is dropped while it has members');
    if (set.isAwaited) trap('a waitable set is dropped while a thread waits on it');
  },

  join({ instance }: BuiltinCaller, handle: number, set: number): void {
    const waitable = instance.handles.other(handle);
    if (!(waitable instanceof Waitable)) trap(`handle ${handle} cannot be waited for`);
    if (waitable.syncWaiter !== undefined) trap('a waitable joins a set while a thread waits for it');
    waitable.join(set === 0 ? undefined : waitableSet(instance, set));
  },

  subtaskCancel(caller: BuiltinCaller, handle: number, isAsync: boolean): unknown {
    const { thread, store, instance } = caller;
    const subtask = instance.handles.other(handle);
    if (!(subtask instanceof Subtask)) trap(`handle ${handle} is no subtask`);
    if (subtask.dealings === 'told') trap('a subtask is cancelled that has ended');
    if (subtask.dealings === 'asked to end') trap('a subtask is cancelled twice');
    if (subtask.isInSet && !isAsync) trap('a subtask in a waitable set is cancelled synchronously');
    const answer = (): unknown => {
      subtask.takeEvent();
      return subtask.state;
    };
    const rest = (): unknown => {
      if (subtask.isResolved) return answer();
      // An event may be there that only says that the call has begun. The caller is told that it has ended.
      return isAsync ? BLOCKED : waitForEvent(caller, subtask, answer, () => subtask.isResolved);
    };
    if (subtask.isResolved) return answer();
    subtask.dealings = 'asked to end';
    let resume: () => boolean = () => true;
    if (subtask.cancel(instance, () => resume())) return rest();
    resume = store.suspend(thread, rest);
    return undefined;
  },

  subtaskDrop({ instance }: BuiltinCaller, handle: number): void {
    const subtask = instance.handles.takeOther(handle);
    if (!(subtask instanceof Subtask)) trap(`handle ${handle} is no subtask`);
    if (subtask.dealings !== 'told') trap('a subtask is dropped before its end was told');
    subtask.join(undefined);
  },

  /** Makes both ends, the readable one in the lower half of the answer. */
  copyNew({ instance }: BuiltinCaller, { type, isFuture, isNumeric }: Payload): bigint {
    const shared = new SharedCopy(type, isFuture, isNumeric);
    const readable = instance.handles.addOther(new CopyEnd(shared, true));
    const writable = instance.handles.addOther(new CopyEnd(shared, false));
    return BigInt(readable) | (BigInt(writable) << 32n);
  },

  /** Reads into a buffer or writes from it. The benchmark `async` forbids an object of options for each copy. */
  copy(
    caller: BuiltinCaller,
    payload: Payload,
    isReadable: boolean,
    isAsync: boolean,
    handle: number,
    bufferOf: () => CopyBuffer,
  ): unknown {
    const { instance } = caller;
    const end = copyEnd(instance.handles.other(handle), payload, isReadable);
    if (end.state !== 'idle') trap(`an end of a stream or future copies while it is ${end.state}`);
    if (end.isInSet && !isAsync) trap('an end in a waitable set copies synchronously');
    const base = payload.isFuture ? EVENT.futureRead : EVENT.streamRead;
    end.copy(instance, bufferOf(), handle, base + (isReadable ? 0 : 1));
    return ended(caller, end, isAsync);
  },

  copyCancel(caller: BuiltinCaller, payload: Payload, isReadable: boolean, isAsync: boolean, handle: number): unknown {
    const end = copyEnd(caller.instance.handles.other(handle), payload, isReadable);
    if (end.state !== 'copying' || end.syncWaiter !== undefined) trap('a copy is cancelled where none is under way');
    if (end.isInSet && !isAsync) trap('the copy of an end in a waitable set is cancelled synchronously');
    end.state = 'cancelling';
    if (!end.hasEvent) end.shared.cancel();
    return ended(caller, end, isAsync);
  },

  copyDrop({ instance }: BuiltinCaller, payload: Payload, isReadable: boolean, handle: number): void {
    copyEnd(instance.handles.takeOther(handle), payload, isReadable).drop();
  },

  threadYield({ store, thread }: BuiltinCaller, cancellable: boolean): unknown {
    return store.block(thread, always, cancellable, Number);
  },

  threadSuspend({ store, thread }: BuiltinCaller, cancellable: boolean): unknown {
    return store.block(thread, undefined, cancellable, Number);
  },

  threadResumeLater({ instance }: BuiltinCaller, index: number): void {
    const other = suspended(instance, index);
    other.ready = always;
    other.wake();
  },

  /** Gives control to a suspended thread, and lets its own thread be suspended or, where it yields, go on later. */
  threadSwitch(
    { store, thread, instance }: BuiltinCaller,
    index: number,
    cancellable: boolean,
    yields: boolean,
  ): unknown {
    const other = suspended(instance, index);
    return store.blockFor(other, thread, yields ? () => true : undefined, cancellable, Number);
  },

  /** The same, if the other thread is ready and so would run sooner or later. */
  threadPromote(
    { store, thread, instance }: BuiltinCaller,
    index: number,
    cancellable: boolean,
    yields: boolean,
  ): unknown {
    const other = instance.threads.get(index);
    const ready = yields ? (): boolean => true : undefined;
    if (!other.isReady) return store.block(thread, ready, cancellable, Number);
    return store.blockFor(other, thread, ready, cancellable, Number);
  },
} as const;

function ended(caller: BuiltinCaller, end: CopyEnd, isAsync: boolean): unknown {
  if (end.hasEvent) return end.takeEvent()[2];
  if (isAsync) return BLOCKED;
  return waitForEvent(
    caller,
    end,
    () => end.takeEvent()[2],
    () => end.hasEvent,
  );
}

function suspended({ threads }: TaskInstance, index: number): Thread {
  const thread = threads.get(index);
  return thread.isSuspended ? thread : trap(`thread ${index} is not suspended`);
}

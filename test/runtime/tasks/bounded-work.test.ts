// What a guest makes the host do when it runs hardly any code itself: threads are counted, by how often the store looks at the time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LaterListener } from '../../../src/core/waiting/index.ts';
import {
  builtins,
  CalledTask,
  COPY,
  CopyEnd,
  type LiftedFunction,
  MainCall,
  SharedCopy,
  type Stacks,
  type Task,
  TaskInstance,
  TaskStore,
  type Thread,
} from '../../../src/runtime/tasks/index.ts';
import { NO_FUNCTION } from '../../../src/runtime/tasks/task.ts';

const [EXIT, WAIT] = [0, 2];
const STACKFUL = { hasStack: true, hasCallback: false };
const DONE = 'the guest has run as often as it should';
const NOBODY = { start: () => [], resolved: () => {} };
const HERE = (): boolean => true;

class CallOfHost extends MainCall {
  thrown: unknown;
  readonly untilEnd = true;
  protected readonly owner: TaskStore;

  constructor(owner: TaskStore, ...[lifted, instance]: ConstructorParameters<typeof Task>) {
    super(lifted, instance, undefined);
    this.owner = owner;
  }

  takeArguments(): readonly unknown[] {
    return [];
  }
  later(): LaterListener {
    return { laterAnswered: () => {}, laterFailed: () => {} };
  }
  answered(): void {}
  ended(): void {}
  failed(thrown: unknown): void {
    this.thrown = thrown;
  }
}

type Stack = Generator<unknown, unknown, unknown>;

interface Running {
  readonly stack: Stack;
  readonly then: (raw: unknown) => boolean;
}

/** Stacks of guest code that is a generator, which yields what each built-in answers. */
class PlainStacks implements Stacks {
  looks = 0;
  onLook: () => void = () => {};
  readonly #stacks = new Map<Thread, Running>();
  readonly #parked = new Set<Thread>();
  readonly #resumed: Thread[] = [];

  call(...[thread, { callee }, , then]: Parameters<Stacks['call']>): boolean {
    thread.stack = { rest: undefined };
    this.#stacks.set(thread, { stack: (callee as () => Stack)(), then });
    return this.#run(thread, undefined);
  }

  #run(thread: Thread, answer: unknown): boolean {
    const { stack, then } = this.#stacks.get(thread) as Running;
    let result = stack.next(answer);
    while (result.done !== true) {
      if (this.#parked.delete(thread)) return true;
      result = stack.next(result.value);
    }
    return then(result.value);
  }

  park(thread: Thread): void {
    this.#parked.add(thread);
  }

  unpark(thread: Thread): void {
    this.#resumed.push(thread);
  }

  /** Lets stacks that were resumed go on until none is left. */
  goOn(store: TaskStore): void {
    for (let thread = this.#resumed.shift(); thread !== undefined; thread = this.#resumed.shift()) {
      const answer = thread.stack?.rest?.();
      if (this.#parked.delete(thread) || this.#run(thread, answer)) store.back();
    }
  }

  wait(): void {}
  wake(): void {}
  breathe(): void {}

  look(): void {
    this.looks += 1;
    this.onLook();
  }
}

/** Two component instances whose guest code is written in JavaScript: the outer one begins tasks of the inner one. */
class Guests {
  readonly stacks = new PlainStacks();
  readonly store = new TaskStore(this.stacks);
  readonly #others: Parameters<TaskInstance['handles']['addOther']>[0][] = [];
  readonly #handles: TaskInstance['handles'] = {
    addOther: (value) => this.#others.push(value),
    other: (handle) => this.#others[handle - 1] as CopyEnd,
    takeOther: (handle) => this.#others[handle - 1] as CopyEnd,
    occupy: () => {},
    vacate: () => {},
  };
  readonly inner = new TaskInstance(0, undefined, this.#handles, this.store);
  readonly #outer = new TaskInstance(1, undefined, this.#handles, this.store);
  readonly #end = new CopyEnd(new SharedCopy(0, false, true), true);

  get caller() {
    return { store: this.store, thread: this.store.current as Thread, instance: this.inner };
  }

  newSet(): number {
    return builtins.setNew(this.caller);
  }

  /** Lets an event happen in a set. */
  happens(set: number, end = this.#end): void {
    builtins.join(this.caller, this.#handles.addOther(end), set);
    end.done(COPY.dropped);
  }

  /** Begins a task of the inner instance. */
  begins(callee: () => unknown, callback: () => number = () => EXIT, kind: Partial<LiftedFunction> = {}): void {
    this.store.begin(new CalledTask(lifted(callee, callback, kind), this.inner, NOBODY), this.#outer, HERE);
  }

  /** Calls a function from outside, and answers what it threw. */
  run(callee: () => unknown, kind: Partial<LiftedFunction> & { readonly instance?: TaskInstance } = {}): unknown {
    const { instance = this.#outer, ...rest } = kind;
    const called = lifted(callee, () => EXIT, rest);
    const main = new CallOfHost(this.store, called, instance, undefined);
    try {
      this.store.callFromOutside(main);
      this.stacks.goOn(this.store);
    } catch (thrown) {
      return thrown;
    }
    return main.thrown;
  }
}

function lifted(callee: () => unknown, callback: () => number, kind: Partial<LiftedFunction>): LiftedFunction {
  return {
    ...NO_FUNCTION,
    isAsync: true,
    isAsyncLift: true,
    hasCallback: true,
    core: { ...NO_FUNCTION.core, callee },
    callback: { ...NO_FUNCTION.core, callee: callback },
    ...kind,
  };
}

/** How many threads wait, for what, and what a thread that runs again and again does each time. */
const WAITS: Readonly<Record<string, (guests: Guests, waiting: number) => () => void>> = {
  'for one event, which one of them takes': (guests, waiting) => {
    const set = guests.newSet();
    for (let n = 0; n < waiting; n++) guests.begins(() => WAIT | (set << 4), answered(guests));
    guests.happens(set);
    return () => {};
  },
  'for events of one set, which come one after the other': (guests, waiting) => {
    const set = guests.newSet();
    for (let n = 0; n < waiting; n++) {
      guests.begins(
        () => WAIT | (set << 4),
        () => WAIT | (set << 4),
      );
    }
    return () => guests.happens(set);
  },
  'for events of one set, which another one takes': (guests, waiting) => {
    const set = guests.newSet();
    for (let n = 0; n < waiting; n++) guests.begins(() => WAIT | (set << 4));
    return () => {
      guests.happens(set);
      builtins.setPoll(guests.caller, set, false, () => 0);
    };
  },
  'in a built-in for events of one set, which another one takes': (guests, waiting) => {
    const set = guests.newSet();
    for (let n = 0; n < waiting; n++) {
      guests.begins(
        function* () {
          yield builtins.setWait(guests.caller, set, false, () => 0);
        },
        undefined,
        STACKFUL,
      );
    }
    return () => {
      guests.happens(set);
      builtins.setPoll(guests.caller, set, false, () => 0);
    };
  },
  'with their events for the instance, which others hold one after the other': (guests, waiting) => {
    for (let n = 0; n < waiting; n++) {
      const set = guests.newSet();
      guests.begins(() => WAIT | (set << 4));
      guests.happens(set, new CopyEnd(new SharedCopy(0, false, true), true));
    }
    const holder = guests.caller.thread;
    guests.inner.exclusive = holder;
    return () => {
      guests.inner.release();
      guests.inner.exclusive = holder;
    };
  },
};

/** Ends a task, having answered it. */
function answered(guests: Guests): () => number {
  return () => {
    guests.caller.thread.task.answer(undefined);
    return EXIT;
  };
}

/** How often the time is looked at while one thread runs `times` times and `waiting` others wait. */
function looksWhile(kind: string, waiting: number, times: number): number {
  const guests = new Guests();
  let before = 0;
  const thrown = guests.run(function* () {
    const step = WAITS[kind]?.(guests, waiting);
    // Whoever may go on does, before anything is counted.
    for (let n = 0; n < waiting; n++) yield builtins.threadYield(guests.caller, false);
    before = guests.stacks.looks;
    for (let n = 0; n < times; n++) {
      step?.();
      yield builtins.threadYield(guests.caller, false);
    }
    throw new Error(DONE);
  }, STACKFUL);
  expect(thrown).toMatchObject({ message: DONE });
  return guests.stacks.looks - before;
}

describe('a thread that runs again and again', () => {
  const times = 1_280;

  it.each(Object.keys(WAITS))('costs the host as much, however many others wait %s', (kind) => {
    const few = looksWhile(kind, 2, times);
    expect(few).toBeGreaterThan(0);
    expect(looksWhile(kind, 700, times)).toBeLessThanOrEqual(few + 1);
  });

  it('is ended when the time of its call is over, although it runs hardly any code', () => {
    const guests = new Guests();
    const over = new Error('the time is over');
    guests.stacks.onLook = () => {
      if (guests.stacks.looks === 10) throw over;
    };
    let runs = 0;
    const thrown = guests.run(function* () {
      for (; runs < 10_000; runs++) yield builtins.threadYield(guests.caller, false);
      return undefined;
    }, STACKFUL);
    expect(thrown).toBe(over);
    expect(runs).toBeLessThan(1_000);
  });

  it('costs the host as much beside a synchronous call that waits, however many others are suspended or wait', () => {
    /** How often the host asks threads whether they are ready, and looks at the time. */
    const costs = (waiting: number): { asked: number; looks: number } => {
      const guests = new Guests();
      let [asked, before, looks] = [0, 0, 0];
      const thrown = guests.run(
        function* () {
          const { store, thread } = guests.caller;
          for (let n = 0; n < waiting; n++) {
            const other = store.newThread(thread.task, false);
            store.startOf(other, NO_FUNCTION.core, []);
            if (n % 2 === 0) continue;
            other.ready = () => {
              asked += 1;
              return false;
            };
            // It was woken by what another thread has taken.
            other.wake();
          }
          for (let n = 0; n < 64; n++) yield builtins.threadYield(guests.caller, false);
          [asked, before] = [0, guests.stacks.looks];
          for (let n = 0; n < times; n++) yield builtins.threadYield(guests.caller, false);
          looks = guests.stacks.looks - before;
          throw new Error(DONE);
        },
        { ...STACKFUL, isAsync: false, isAsyncLift: false },
      );
      expect(thrown).toMatchObject({ message: DONE });
      return { asked, looks };
    };
    const few = costs(2);
    expect(few.asked).toBe(0);
    expect(few.looks).toBeGreaterThan(0);
    expect(costs(700)).toEqual(few);
  });
});

describe('a thread that waits', () => {
  type Act = readonly ['happens' | 'is taken', set: number] | readonly ['holds' | 'releases' | 'yields'];
  const sets = [0, 1, 2] as const;
  const act: fc.Arbitrary<Act> = fc.oneof(
    fc.tuple(fc.constantFrom('happens' as const, 'is taken' as const), fc.constantFrom(...sets)),
    fc.tuple(fc.constantFrom('holds' as const, 'releases' as const, 'yields' as const)),
  );
  const waiters = fc.array(fc.record({ set: fc.constantFrom(...sets), isCallback: fc.boolean() }), { maxLength: 8 });

  interface Waiting {
    readonly set: number;
    readonly isCallback: boolean;
  }

  /** Answers how many wait for a set that has an event, when nothing goes on any more. */
  function forgotten(waiting: readonly Waiting[], acts: readonly Act[]): number {
    const guests = new Guests();
    let left = 0;
    const thrown = guests.run(function* () {
      const handles = sets.map(() => guests.newSet());
      const untold = new Set<Waiting>();
      for (const each of waiting) {
        const set = handles[each.set] as number;
        untold.add(each);
        const told = (): number => {
          untold.delete(each);
          guests.caller.thread.task.answer(undefined);
          return EXIT;
        };
        if (each.isCallback) guests.begins(() => WAIT | (set << 4), told);
        else {
          const blocks = function* (): Stack {
            yield builtins.setWait(guests.caller, set, false, () => 0);
            return told();
          };
          guests.begins(blocks, undefined, STACKFUL);
        }
      }
      const holder = guests.caller.thread;
      for (const [what, which] of [...acts, ['releases'] as const]) {
        const set = handles[which ?? 0] as number;
        if (what === 'happens') guests.happens(set, new CopyEnd(new SharedCopy(0, false, true), true));
        else if (what === 'is taken') builtins.setPoll(guests.caller, set, false, () => 0);
        else if (what === 'holds') guests.inner.exclusive = holder;
        else if (what === 'releases') guests.inner.release();
        else yield builtins.threadYield(guests.caller, false);
      }
      for (let n = 0; n < 3 * waiting.length; n++) yield builtins.threadYield(guests.caller, false);
      const hasEvent = handles.map(
        (set) => builtins.setPoll(guests.caller, set, false, ([, , payload]) => payload) !== 0,
      );
      for (const { set } of untold) if (hasEvent[set]) left += 1;
      throw new Error(DONE);
    }, STACKFUL);
    expect(thrown).toMatchObject({ message: DONE });
    return left;
  }

  const callback = (set: number): Waiting => ({ set, isCallback: true });

  it('is told when as many events as threads have happened at once', () => {
    const all = [callback(0), { set: 0, isCallback: false }, callback(0), { set: 0, isCallback: false }];
    expect(
      forgotten(
        all,
        all.map(() => ['happens', 0]),
      ),
    ).toBe(0);
  });

  it('goes on where the event of the one before it was taken while another thread held the instance', () => {
    const acts = [['holds'], ['happens', 0], ['happens', 1], ['yields'], ['is taken', 0]] as const;
    expect(forgotten([callback(0), callback(1)], acts)).toBe(0);
  });

  it('goes on while there is an event for it, whatever others do', () => {
    fc.assert(
      fc.property(waiters, fc.array(act, { maxLength: 20 }), (waiting, acts) => {
        expect(forgotten(waiting, acts)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

// Calls between two component instances and of the host, as their callers and callees see them. The behaviour is that of the component
// model; the scenarios are those in which another runtime was found to be wrong (ADR 0288).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type LoadOptions, type Runtime } from '../../../src/index.ts';
import {
  BLOCKED,
  calls,
  does,
  ends,
  leaves,
  type Script,
  ScriptedGuests,
  setOf,
} from '../../support/scripted-guests/index.ts';

const [STARTING, STARTED, RETURNED] = [0, 1, 2];
const [CANCELLED_BEFORE_STARTED, CANCELLED] = [3, 4];
const [NONE, SUBTASK, TASK_CANCELLED] = [0, 1, 6];
const DEADLOCK = /all of them wait for each other/;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime({});
});
afterAll(() => runtime.close());

const guests = (options?: LoadOptions): Promise<ScriptedGuests> => new ScriptedGuests(runtime, ['bytes']).load(options);

/** Yields until its task is told to end, and ends it. */
function* yieldsUntilCancelled(): Script {
  while ((yield* leaves('yield')).event !== TASK_CANCELLED);
  yield* does('task.cancel');
  return 0;
}

function* returns(value: number): Script {
  yield* does('task.return', value);
  return 0;
}

describe('a call that waits to begin', () => {
  it('waits for ever where the callee keeps others out and nothing else goes on', async () => {
    const both = await guests();
    const called = both.call('b', 'callback', keptOut(both));
    await expect(called).rejects.toMatchObject({ code: 'RUNTIME_TRAP', message: expect.stringMatching(DEADLOCK) });
  });

  function* keptOut(both: ScriptedGuests): Script {
    expect(yield* does('call-sync plain', both.script(keepsOut()))).toBe(1);
    const { state, subtask } = yield* calls('callback', both.script(returns(1)));
    expect(state).toBe(STARTING);
    yield* leaves({ wait: yield* setOf(subtask) });
    throw new Error('a call has begun that may not');
  }

  function* keepsOut(): Script {
    yield* does('backpressure.inc');
    return 1;
  }

  it('is the call of the host, where it never begins', async () => {
    const both = await guests();
    await both.call('a', 'plain', keepsOut());
    await expect(both.call('a', 'callback', returns(1))).rejects.toThrow(DEADLOCK);
  });

  it('leaves nothing when it is cancelled before it has begun', async () => {
    // The host may keep some hundred things for the store.
    const both = await guests({ limits: { maxMemoryBytes: 2 ** 20 } });
    function* run(): Script {
      yield* does('call-sync plain', both.script(keepsOut()));
      for (let n = 0; n < 3_000; n++) {
        const { state, subtask } = yield* calls('callback', both.script(returns(1)));
        expect(state).toBe(STARTING);
        expect(yield* does('subtask.cancel', subtask)).toBe(CANCELLED_BEFORE_STARTED);
        yield* does('subtask.drop', subtask);
      }
      return 7;
    }
    expect(await both.call('b', 'blocking', run())).toBe(7);
  });

  it.each(['blocking', 'callback'] as const)(
    'blocks its synchronous caller until others may come in: %s',
    async (kind) => {
      const both = await guests();
      let isOpen = false;
      function* opens(): Script {
        yield* leaves('yield');
        isOpen = true;
        yield* does('backpressure.dec');
        return yield* returns(0);
      }
      function* entered(): Script {
        expect(isOpen).toBe(true);
        if (kind === 'blocking') return 42;
        return yield* returns(42);
      }
      function* run(): Script {
        yield* calls('callback', both.script(opens()));
        yield* does('call-sync plain', both.script(keepsOut()));
        return yield* returns(yield* does(`call-sync ${kind}`, both.script(entered())));
      }
      expect(await both.call('b', 'callback', run())).toBe(42);
    },
  );

  it.each((['callback', 'stackful'] as const).flatMap((kind) => [1, 2, 5].map((most) => [kind, most] as const)))(
    'begins when those before it are cancelled that were told to begin and have not done so: %s, %i before it',
    async (kind, most) => {
      const both = await guests();
      function* letsIn(): Script {
        yield* does('backpressure.dec');
        return 1;
      }
      function* run(): Script {
        yield* does('call-sync plain', both.script(keepsOut()));
        const before: number[] = [];
        for (let n = 0; n < most; n++) before.push((yield* calls(kind, both.script(returns(n)))).subtask);
        const { state, subtask } = yield* calls(kind, both.script(returns(42)));
        expect(state).toBe(STARTING);
        yield* does('call-sync plain', both.script(letsIn()));
        for (const each of before) expect(yield* does('subtask.cancel', each)).toBe(CANCELLED_BEFORE_STARTED);
        const set = yield* setOf(subtask);
        let told = yield* leaves({ wait: set });
        while (told.payload !== RETURNED) told = yield* leaves({ wait: set });
        yield* does('task.return', yield* does('load 32', 1_024));
        return 0;
      }
      expect(await both.call('b', 'callback', run())).toBe(42);
    },
  );

  it.each([
    ['asked for too often', 'backpressure.inc', 65_536],
    ['given up more often than asked for', 'backpressure.dec', 1],
  ] as const)('may not be kept out by backpressure that is %s', async (_, operation, times) => {
    const both = await guests();
    function* run(): Script {
      for (let n = 1; n < times; n++) yield* does(operation);
      told = true;
      yield* does(operation);
      return 0;
    }
    let told = false;
    await expect(both.call('a', 'plain', run())).rejects.toThrow(/backpressure is/);
    expect(told).toBe(true);
  });
});

describe('a task', () => {
  it.each(['callback', 'stackful', 'blocking'] as const)(
    'that waits for what never comes ends its call: %s',
    async (kind) => {
      const both = await guests();
      function* run(): Script {
        if (kind === 'callback') yield* leaves({ wait: yield* setOf() });
        else yield* does('waitable-set.wait', yield* setOf(), 0);
        return 0;
      }
      await expect(both.call('a', kind, run())).rejects.toThrow(DEADLOCK);
    },
  );

  it('of a function that is not asynchronous may not wait for what only others can do', async () => {
    const both = await guests();
    function* run(): Script {
      yield* does('waitable-set.wait', yield* setOf(), 0);
      return 0;
    }
    function* twice(): Script {
      expect(yield* does('call-sync plain', both.script(answers(2)))).toBe(2);
      return yield* does('call-sync plain', both.script(run()));
    }
    await expect(both.call('b', 'blocking', twice())).rejects.toThrow(/a synchronous task waits/);
  });

  it('of such a function may not wait either where the only other task goes on to wait', async () => {
    const both = await guests();
    function* other(): Script {
      yield* leaves('yield');
      yield* leaves({ wait: yield* setOf() });
      return 0;
    }
    function* waits(): Script {
      return yield* does('host.wait-sync', 1);
    }
    function* run(): Script {
      expect((yield* calls('callback', both.script(other()))).state).toBe(STARTED);
      return yield* does('call-sync plain', both.script(waits()));
    }
    await expect(both.call('b', 'blocking', run())).rejects.toThrow(/a synchronous task waits/);
  });

  it.each([
    [
      'answers by a built-in where its function returns the answer',
      'blocking',
      ['task.return'],
      /task\.return is called by a task/,
    ],
    [
      'ends as cancelled where its function returns the answer',
      'blocking',
      ['task.cancel'],
      /task\.cancel is called by a task/,
    ],
    ['answers twice', 'callback', ['task.return', 'task.return'], /answers twice/],
    ['ends as cancelled that nobody has cancelled', 'callback', ['task.cancel'], /was not told to/],
    ['ends without an answer', 'callback', [], /ended without an answer/],
    ['ends without an answer on its own stack', 'stackful', [], /ended without an answer/],
  ] as const)('traps when it %s', async (_, kind, operations, message) => {
    const both = await guests();
    function* run(): Script {
      for (const operation of operations) yield* does(operation, 1);
      return 0;
    }
    await expect(both.call('a', kind, run())).rejects.toThrow(message);
  });

  it('that yields in its built-ins lets a synchronous call into its instance', async () => {
    const both = await guests();
    function* endless(): Script {
      for (;;) yield* does('thread.yield');
    }
    function* run(): Script {
      expect((yield* calls('callback', both.script(endless()))).state).toBe(STARTED);
      return yield* does('call-sync plain', both.script(answers(5)));
    }
    expect(await both.call('b', 'blocking', run())).toBe(5);
  });
});

// biome-ignore lint/correctness/useYield: a script may do nothing but answer
function* answers(value: number): Script {
  return value;
}

describe('a call that is cancelled', () => {
  it('has returned where its task returns meanwhile, and its callback is told nothing of it', async () => {
    const both = await guests();
    const seen: number[] = [];
    let handed = 0;
    function* reads(): Script {
      const reader = handed;
      expect(yield* does('future.read bytes', reader, 0)).toBe(BLOCKED);
      yield* does('waitable-set.wait', yield* setOf(reader), 8);
      yield* does('task.return', 3);
      seen.push((yield* leaves('yield')).event);
      return 0;
    }
    function* run(): Script {
      const { reader, writer } = yield* ends('future', 'bytes');
      handed = yield* does('future.give bytes', reader);
      const { state, subtask } = yield* calls('callback', both.script(reads()));
      expect(state).toBe(STARTED);
      expect(yield* does('future.write bytes', writer, 0)).toBe(0);
      expect(yield* does('subtask.cancel-sync', subtask)).toBe(RETURNED);
      yield* does('subtask.drop', subtask);
      for (let n = 0; n < 5; n++) yield* leaves('yield');
      return yield* returns(0);
    }
    await both.call('b', 'callback', run());
    expect(seen).toEqual([NONE]);
  });

  it.each([true, false])(
    'may be cancelled and dropped by another task than has begun it (cancelled by that: %s)',
    async (cancelsLate) => {
      const both = await guests();
      let subtask = 0;
      function* begins(): Script {
        const begun = yield* calls('callback', both.script(yieldsUntilCancelled()));
        expect(begun.state).toBe(STARTED);
        ({ subtask } = begun);
        if (!cancelsLate) expect(yield* does('subtask.cancel-sync', subtask)).toBe(CANCELLED);
        return 0;
      }
      function* ended(): Script {
        if (cancelsLate) expect(yield* does('subtask.cancel-sync', subtask)).toBe(CANCELLED);
        yield* does('subtask.drop', subtask);
        return 0;
      }
      await both.call('b', 'blocking', begins());
      expect(await both.call('b', 'blocking', ended())).toBe(0);
    },
  );

  it('has ended when its caller goes on that waits for that, though it was not told before that it has begun', async () => {
    const both = await guests();
    function* presses(way: 'inc' | 'dec'): Script {
      yield* does(`backpressure.${way}`);
      return 1;
    }
    let hasBegun = false;
    function* yields(): Script {
      hasBegun = true;
      for (let n = 0; n < 3; n++) yield* does('thread.yield');
      return yield* returns(1);
    }
    function* run(): Script {
      yield* does('call-sync plain', both.script(presses('inc')));
      const { state, subtask } = yield* calls('callback', both.script(yields()));
      expect(state).toBe(STARTING);
      yield* does('call-sync plain', both.script(presses('dec')));
      while (!hasBegun) yield* does('thread.yield');
      expect(yield* does('subtask.cancel-sync', subtask)).toBe(RETURNED);
      yield* does('subtask.drop', subtask);
      return 7;
    }
    expect(await both.call('b', 'blocking', run())).toBe(7);
  });

  it('has returned where it did so before, although its task goes on', async () => {
    const both = await guests();
    function* goesOn(): Script {
      yield* leaves('yield');
      yield* does('task.return', 1);
      for (let n = 0; n < 5; n++) yield* leaves('yield');
      return 0;
    }
    function* run(): Script {
      const { subtask } = yield* calls('callback', both.script(goesOn()));
      yield* leaves('yield');
      expect(yield* does('subtask.cancel-sync', subtask)).toBe(RETURNED);
      for (let n = 0; n < 10; n++) yield* leaves('yield');
      yield* does('subtask.drop', subtask);
      return yield* returns(9);
    }
    expect(await both.call('b', 'callback', run())).toBe(9);
  });

  it('is told so at the first wait at which its task can be told', async () => {
    const both = await guests();
    const told: number[] = [];
    function* yields(): Script {
      for (let n = 0; n < 10; n++) told.push(yield* does('thread.yield'));
      return yield* yieldsUntilCancelled();
    }
    function* run(): Script {
      const { subtask } = yield* calls('callback', both.script(yields()));
      return yield* does('subtask.cancel-sync', subtask);
    }
    expect(await both.call('b', 'blocking', run())).toBe(CANCELLED);
    expect(told).toEqual(Array.from({ length: 10 }, () => 0));
  });

  it.each([
    ['subtask.cancel', BLOCKED],
    ['subtask.cancel-sync', CANCELLED],
  ] as const)('is told so when the task that holds its instance has ended: %s', async (how, answer) => {
    const both = await guests();
    function* holds(): Script {
      for (let n = 0; n < 10; n++) yield* does('thread.yield');
      return 0;
    }
    function* run(): Script {
      const { subtask } = yield* calls('callback', both.script(yieldsUntilCancelled()));
      expect((yield* calls('blocking', both.script(holds()))).state).toBe(STARTED);
      yield* does('thread.yield');
      return yield* does(how, subtask);
    }
    expect(await both.call('b', 'blocking', run())).toBe(answer);
  });

  it.each(['subtask.cancel', 'subtask.cancel-sync'] as const)(
    'is cancelled behind a synchronous call of its instance: %s',
    async (how) => {
      const both = await guests();
      function* touches(): Script {
        yield* does('waitable-set.drop', yield* does('waitable-set.new'));
        return 1;
      }
      function* run(): Script {
        const { subtask } = yield* calls('callback', both.script(yieldsUntilCancelled()));
        expect(yield* does('call-sync plain', both.script(touches()))).toBe(1);
        expect(yield* does(how, subtask)).toBe(CANCELLED);
        yield* does('subtask.drop', subtask);
        return yield* returns(2);
      }
      expect(await both.call('b', 'callback', run())).toBe(2);
    },
  );

  it('may not be in a set when that is synchronous', async () => {
    const both = await guests();
    function* run(): Script {
      const { subtask } = yield* calls('callback', both.script(yieldsUntilCancelled()));
      yield* setOf(subtask);
      return yield* does('subtask.cancel-sync', subtask);
    }
    await expect(both.call('b', 'blocking', run())).rejects.toThrow(/in a waitable set is cancelled synchronously/);
  });
});

describe('a call of the host', () => {
  it('is not dropped before its end was told', async () => {
    const both = await guests();
    function* run(): Script {
      const status = yield* does('host.wait', 1, 100);
      expect(status & 0xf).toBe(STARTED);
      both.answer(2);
      for (let n = 0; n < 3; n++) yield* does('thread.yield');
      yield* does('subtask.drop', status >>> 4);
      return 0;
    }
    await expect(both.call('a', 'blocking', run())).rejects.toThrow(/before its end was told/);
  });

  it.each([
    ['twice', ['subtask.cancel', 'subtask.cancel'], /has ended/],
    ['after its end', ['waitable-set.wait', 'subtask.cancel'], /has ended/],
  ] as const)('is not cancelled %s', async (_, operations, message) => {
    const both = await guests();
    function* run(): Script {
      const subtask = (yield* does('host.wait', 1, 100)) >>> 4;
      for (const operation of operations) {
        if (operation === 'subtask.cancel') yield* does(operation, subtask);
        else {
          const set = yield* setOf(subtask);
          both.answer(2);
          expect(yield* does(operation, set, 8)).toBe(SUBTASK);
        }
      }
      return 0;
    }
    await expect(both.call('a', 'blocking', run())).rejects.toThrow(message);
  });

  it('ends at once when it is cancelled, and is dropped', async () => {
    const both = await guests();
    function* run(): Script {
      const subtask = (yield* does('host.wait', 1, 100)) >>> 4;
      expect(yield* does('subtask.cancel-sync', subtask)).toBe(CANCELLED);
      yield* does('subtask.drop', subtask);
      return 4;
    }
    expect(await both.call('a', 'blocking', run())).toBe(4);
  });
});

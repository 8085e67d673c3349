// Handles that one instance lends to a task of another, and resources that streams carry. See `subtasks.test.ts`.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import {
  BLOCKED,
  does,
  ends,
  event,
  leaves,
  type Script,
  ScriptedGuests,
  type Step,
  setOf,
} from '../../support/scripted-guests/index.ts';

const [STARTED, RETURNED, CANCELLED] = [1, 2, 4];
const SUBTASK = 1;
const TASK_CANCELLED = 6;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime({});
});
afterAll(() => runtime.close());

const guests = (): Promise<ScriptedGuests> => new ScriptedGuests(runtime, ['things']).load();

/** Lends a handle to a script of the other instance. */
function* lends(thing: number, script: number): Generator<Step, { state: number; subtask: number }, bigint> {
  const status = yield* does('call lent', thing, script, 1_024);
  return { state: status & 0xf, subtask: status >>> 4 };
}

describe('a handle that is lent', () => {
  /** What the borrower does, and what comes of it: how many resources are gone in the end, or why it traps. */
  const CASES = {
    'is dropped before the answer': { lent: drops, gone: 1 },
    'is kept behind the answer': { lent: keeps, traps: /did not drop what it was lent/ },
    'is dropped after a yield': { lent: yieldsAndDrops, waits: true, gone: 1 },
    'is dropped when the call is cancelled': { lent: dropsCancelled, cancels: true, gone: 1 },
    'is kept when the call is cancelled': {
      lent: keepsCancelled,
      cancels: true,
      traps: /did not drop what it was lent/,
    },
  } as const;

  function* drops(): Script {
    yield* does('thing.drop', yield* does('thing.lent'));
    return yield* keeps();
  }
  function* keeps(): Script {
    yield* does('task.return', 0);
    return 0;
  }
  function* yieldsAndDrops(): Script {
    yield* leaves('yield');
    return yield* drops();
  }
  function* dropsCancelled(): Script {
    expect((yield* leaves({ wait: yield* setOf() })).event).toBe(TASK_CANCELLED);
    yield* does('thing.drop', yield* does('thing.lent'));
    yield* does('task.cancel');
    return 0;
  }
  function* keepsCancelled(): Script {
    yield* leaves({ wait: yield* setOf() });
    yield* does('task.cancel');
    return 0;
  }

  it.each(Object.keys(CASES) as (keyof typeof CASES)[])('%s', async (name) => {
    const both = await guests();
    const given: { lent: () => Script; waits?: boolean; cancels?: boolean; gone?: number; traps?: RegExp } =
      CASES[name];
    function* run(): Script {
      const thing = yield* does('thing.make');
      const { state, subtask } = yield* lends(thing, both.script(given.lent()));
      if (given.waits) {
        expect(yield* leaves({ wait: yield* setOf(subtask) })).toMatchObject({ event: SUBTASK, payload: RETURNED });
      } else if (given.cancels) expect(yield* does('subtask.cancel-sync', subtask)).toBe(CANCELLED);
      else expect(state).toBe(RETURNED);
      if (subtask > 0) yield* does('subtask.drop', subtask);
      yield* does('thing.drop', thing);
      yield* does('task.return', yield* does('things.gone'));
      return 0;
    }
    const called = both.call('b', 'callback', run());
    if (given.traps === undefined) expect(await called).toBe(given.gone);
    else await expect(called).rejects.toThrow(given.traps);
  });

  it('is not dropped by its owner meanwhile', async () => {
    const both = await guests();
    function* run(): Script {
      const thing = yield* does('thing.make');
      expect((yield* lends(thing, both.script(yieldsAndDrops()))).state).toBe(STARTED);
      yield* does('thing.drop', thing);
      return 0;
    }
    await expect(both.call('b', 'callback', run())).rejects.toThrow(/dropped while it is lent/);
  });

  it.each([true, false])('is lent on, and not dropped before that call has ended (cancelled: %s)', async (cancels) => {
    const both = await guests();
    function* lendsOn(): Script {
      const thing = yield* does('thing.lent');
      const status = yield* does('thing.hold', thing);
      expect(status & 0xf).toBe(STARTED);
      if (cancels) {
        expect(yield* does('subtask.cancel-sync', status >>> 4)).toBe(CANCELLED);
        yield* does('subtask.drop', status >>> 4);
      }
      return yield* drops();
    }
    function* run(): Script {
      const thing = yield* does('thing.make');
      expect((yield* lends(thing, both.script(lendsOn()))).state).toBe(RETURNED);
      yield* does('thing.drop', thing);
      yield* does('task.return', yield* does('things.gone'));
      return 0;
    }
    const called = both.call('b', 'callback', run());
    if (cancels) expect(await called).toBe(1);
    else await expect(called).rejects.toThrow(/dropped while it is lent/);
  });
});

describe('a stream of resources', () => {
  it('passes those that are read, and leaves the others with their writer', async () => {
    const both = await guests();
    function* reads(end: number): Script {
      expect(yield* does('stream.read things', end, 64, 2)).toBe(2 << 4);
      for (const at of [64, 68]) yield* does('thing.drop', yield* does('load 32', at));
      yield* does('stream.drop-readable things', end);
      return yield* does('things.gone');
    }
    function* run(): Script {
      const { reader, writer } = yield* ends('stream', 'things');
      const made: number[] = [];
      for (const at of [128, 132, 136]) {
        const thing = yield* does('thing.make');
        made.push(thing);
        yield* does('store 32', at, thing);
      }
      expect(yield* does('stream.write things', writer, 128, 3)).toBe(BLOCKED);
      const given = yield* does('stream.give things', reader);
      expect(yield* does('call-sync plain', both.script(reads(given)))).toBe(2);
      expect((yield* event('wait', yield* setOf(writer))).payload).toBe(1 | (2 << 4));
      yield* does('thing.drop', made[2] as number);
      yield* does('task.return', yield* does('things.gone'));
      return 0;
    }
    expect(await both.call('b', 'callback', run())).toBe(3);
  });

  it('has taken a resource that was read from its writer', async () => {
    const both = await guests();
    function* reads(end: number): Script {
      return yield* does('stream.read things', end, 64, 1);
    }
    function* run(): Script {
      const { reader, writer } = yield* ends('stream', 'things');
      const thing = yield* does('thing.make');
      yield* does('store 32', 128, thing);
      yield* does('stream.write things', writer, 128, 1);
      const given = yield* does('stream.give things', reader);
      expect(yield* does('call-sync plain', both.script(reads(given)))).toBe(1 << 4);
      yield* does('thing.drop', thing);
      return 0;
    }
    await expect(both.call('b', 'callback', run())).rejects.toThrow(/unknown handle index/);
  });
});

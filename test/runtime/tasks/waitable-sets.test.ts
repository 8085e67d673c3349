// What several tasks of one instance see of one set, and what a set keeps of its members. See `subtasks.test.ts`.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import {
  BLOCKED,
  calls,
  does,
  ends,
  event,
  leaves,
  type Script,
  ScriptedGuests,
  type Step,
  setOf,
} from '../../support/scripted-guests/index.ts';

const [NONE, SUBTASK, FUTURE_READ] = [0, 1, 4];
const DEADLOCK = /all of them wait for each other/;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime({});
});
afterAll(() => runtime.close());

const guests = (): Promise<ScriptedGuests> => new ScriptedGuests(runtime, ['bytes']).load();

describe('a set that two tasks use', () => {
  /** What the second task does before the first one, whose set has an event, runs again. */
  const MODES = {
    'takes its event': { answers: false },
    'takes its event, and lets another one happen': { answers: true },
    'takes the member out': { answers: false },
    'moves the member to another set': { answers: false },
    'takes all members out and drops it': { traps: /dropped while a thread waits/ },
  } as const;

  it.each(
    Object.keys(MODES).flatMap((mode) =>
      [false, true].map((isEarly) => [mode as keyof typeof MODES, isEarly] as const),
    ),
  )(
    'still holds the one that waits, when the other one %s (with the event there before the wait: %s)',
    async (mode, isEarly) => {
      const both = await guests();
      let set = 0;
      let pairs: readonly { readonly reader: number; readonly writer: number }[] = [];
      const [first, second] = [0, 1];
      const pair = (which: number) => pairs[which] as { readonly reader: number; readonly writer: number };
      function* completes(which: number): Generator<Step, void, bigint> {
        expect(yield* does('future.write bytes', pair(which).writer, 0)).toBe(0);
      }
      function* waits(): Script {
        pairs = [yield* ends('future', 'bytes'), yield* ends('future', 'bytes')];
        for (const { reader } of pairs) expect(yield* does('future.read bytes', reader, 64)).toBe(BLOCKED);
        set = yield* setOf(pair(first).reader, pair(second).reader);
        if (isEarly) yield* completes(first);
        expect(yield* leaves({ wait: set })).toEqual({ event: FUTURE_READ, handle: pair(second).reader, payload: 0 });
        yield* does('task.return', 0);
        return 0;
      }
      function* interferes(): Script {
        if (!isEarly) yield* completes(first);
        const { reader } = pair(first);
        if (mode.startsWith('takes its event')) {
          expect(yield* event('poll', set)).toMatchObject({ event: FUTURE_READ, handle: reader });
          if (mode !== 'takes its event') yield* completes(second);
        } else if (mode === 'moves the member to another set') {
          expect(yield* event('poll', yield* setOf(reader))).toMatchObject({ event: FUTURE_READ, handle: reader });
        } else {
          yield* does('waitable.join', reader, 0);
          if (mode !== 'takes the member out') {
            yield* does('waitable.join', pair(second).reader, 0);
            yield* does('waitable-set.drop', set);
          }
        }
        yield* does('task.return', 0);
        return 0;
      }
      function* run(): Script {
        const { subtask } = yield* calls('callback', both.script(waits()));
        expect((yield* calls('callback', both.script(interferes()))).state).toBe(2);
        expect(yield* leaves({ wait: yield* setOf(subtask) })).toEqual({ event: SUBTASK, handle: subtask, payload: 2 });
        yield* does('subtask.drop', subtask);
        yield* does('task.return', 7);
        return 0;
      }
      const called = both.call('b', 'callback', run());
      const expected = MODES[mode];
      if ('traps' in expected) await expect(called).rejects.toThrow(expected.traps);
      else if (expected.answers) expect(await called).toBe(7);
      else await expect(called).rejects.toThrow(DEADLOCK);
    },
  );

  it.each([1, 2])('tells the one that holds the instance first, and then %s others', async (others) => {
    const both = await guests();
    let set = 0;
    const told: string[] = [];
    function* slow(): Generator<Step, void, bigint> {
      const status = yield* does('host.wait', 1, 128);
      yield* does('waitable.join', status >>> 4, set);
    }
    function* waits(makes: boolean): Script {
      if (makes) {
        set = yield* setOf();
        yield* slow();
      }
      const { event: code, handle } = yield* leaves({ wait: set });
      expect(code).toBe(SUBTASK);
      told.push('beside');
      yield* does('subtask.drop', handle);
      yield* does('task.return', 0);
      return 0;
    }
    function* holds(): Script {
      const { event: code, handle, payload } = yield* event('wait', set);
      expect([code, payload]).toEqual([SUBTASK, 2]);
      told.push('holder');
      yield* does('subtask.drop', handle);
      for (let n = 0; n < others; n++) yield* slow();
      return 0;
    }
    function* run(): Script {
      const subtasks: number[] = [];
      for (let n = 0; n < others; n++) {
        subtasks.push((yield* calls('callback', both.script(waits(n === 0)))).subtask);
      }
      subtasks.push((yield* calls('blocking', both.script(holds()))).subtask);
      both.answer(0);
      const own = yield* setOf(...subtasks);
      for (let left = subtasks.length; left > 0; ) {
        if ((yield* leaves({ wait: own })).payload === 2) left -= 1;
        for (let n = 0; n < others; n++) both.answer(0);
      }
      yield* does('task.return', 42);
      return 0;
    }
    expect(await both.call('b', 'callback', run())).toBe(42);
    expect(told).toEqual(['holder', ...Array.from({ length: others }, () => 'beside')]);
  });

  it('tells its event when the task that holds the instance has ended, though it happened before', async () => {
    const both = await guests();
    const told: string[] = [];
    function* waits(): Script {
      const subtask = (yield* does('host.wait', 1, 128)) >>> 4;
      expect(yield* leaves({ wait: yield* setOf(subtask) })).toMatchObject({ event: SUBTASK, payload: 2 });
      told.push('waits');
      yield* does('task.return', 0);
      return 0;
    }
    function* holds(): Script {
      both.answer(0);
      for (let n = 0; n < 5; n++) yield* does('thread.yield');
      yield* does('host.wait-sync', 1);
      told.push('holds');
      return 0;
    }
    function* run(): Script {
      const first = yield* calls('callback', both.script(waits()));
      const second = yield* calls('blocking', both.script(holds()));
      const own = yield* setOf(first.subtask, second.subtask);
      for (let n = 0; n < 10; n++) yield* leaves('yield');
      both.answer(0);
      for (const each of ['second', 'first']) expect((yield* leaves({ wait: own })).payload, each).toBe(2);
      yield* does('task.return', 1);
      return 0;
    }
    expect(await both.call('b', 'callback', run())).toBe(1);
    expect(told).toEqual(['holds', 'waits']);
  });
});

describe('a member of a set', () => {
  it.each([
    ['stream', 'readable'],
    ['stream', 'writable'],
    ['future', 'readable'],
  ] as const)('leaves it with its event when it is dropped: the end of a %s that is %s', async (kind, which) => {
    const both = await guests();
    function* run(): Script {
      const { reader, writer } = yield* ends(kind, 'bytes');
      const set = yield* setOf(which === 'readable' ? reader : writer);
      const order = which === 'readable' ? (['readable', 'writable'] as const) : (['writable', 'readable'] as const);
      if (kind === 'stream') for (const each of [...order].reverse()) yield* drops(kind, each, reader, writer);
      else yield* drops(kind, 'readable', reader, writer);
      expect(yield* event('poll', set)).toMatchObject({ event: NONE });
      yield* does('waitable-set.drop', set);
      return 3;
    }
    function* drops(
      of: string,
      end: 'readable' | 'writable',
      reader: number,
      writer: number,
    ): Generator<Step, void, bigint> {
      yield* does(`${of}.drop-${end} bytes`, end === 'readable' ? reader : writer);
    }
    expect(await both.call('a', 'blocking', run())).toBe(3);
  });

  it('that is dropped is waited for no more', async () => {
    const both = await guests();
    function* run(): Script {
      const { reader, writer } = yield* ends('stream', 'bytes');
      const set = yield* setOf(reader);
      yield* does('stream.drop-writable bytes', writer);
      yield* does('stream.drop-readable bytes', reader);
      yield* leaves({ wait: set });
      return 0;
    }
    await expect(both.call('a', 'callback', run())).rejects.toThrow(DEADLOCK);
  });

  it.each(['future', 'stream'] as const)(
    'cannot become one while a task reads it synchronously: a %s',
    async (kind) => {
      const both = await guests();
      let end = 0;
      function* reads(): Script {
        end = (yield* ends(kind, 'bytes')).reader;
        return yield* does(`${kind}.read-sync bytes`, end, 64, 1);
      }
      function* joins(): Script {
        yield* setOf(end);
        return 0;
      }
      function* run(): Script {
        expect((yield* calls('blocking', both.script(reads()))).state).toBe(1);
        yield* calls('stackful', both.script(joins()));
        return 0;
      }
      await expect(both.call('b', 'blocking', run())).rejects.toThrow(/joins a set while a thread waits for it/);
    },
  );

  it.each([
    ['future.read', 'future.cancel-read'],
    ['future.write', 'future.cancel-write'],
    ['stream.read', 'stream.cancel-read'],
    ['stream.write', 'stream.cancel-write'],
  ] as const)('is not cancelled synchronously: %s', async (copy, cancel) => {
    const both = await guests();
    function* run(): Script {
      const [kind, way] = copy.split('.') as ['future' | 'stream', string];
      const { reader, writer } = yield* ends(kind, 'bytes');
      const end = way === 'read' ? reader : writer;
      expect(yield* does(`${copy} bytes`, end, 64, 4)).toBe(BLOCKED);
      yield* setOf(end);
      return yield* does(`${cancel}-sync bytes`, end);
    }
    await expect(both.call('a', 'blocking', run())).rejects.toThrow(/in a waitable set is cancelled synchronously/);
  });
});

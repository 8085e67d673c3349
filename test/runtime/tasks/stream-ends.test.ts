// What built-ins answer for ends of streams and futures, one situation each. Generated programs are in `stream-programs.test.ts`.
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

const [STREAM_READ, STREAM_WRITE, FUTURE_WRITE] = [2, 3, 5];
const [COMPLETED, DROPPED] = [0, 1];
const MOST_ITEMS = 2 ** 28 - 1;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime({});
});
afterAll(() => runtime.close());

const guests = (): Promise<ScriptedGuests> => new ScriptedGuests(runtime, ['none', 'bytes', 'words', 'texts']).load();
type Doing<T> = Generator<Step, T, bigint>;

describe('a copy whose other end is dropped', () => {
  const COPIES = { 'stream.read': 'readable', 'stream.write': 'writable', 'future.write': 'writable' } as const;

  /** The ways to learn what has happened to a copy. */
  const WAYS = {
    cancel: function* (copy: string, end: number): Doing<number> {
      return yield* does(`${copy.replace('.', '.cancel-')} bytes`, end);
    },
    'cancel-sync': function* (copy: string, end: number): Doing<number> {
      return yield* does(`${copy.replace('.', '.cancel-')}-sync bytes`, end);
    },
    wait: function* (_: string, end: number): Doing<number> {
      return (yield* event('wait', yield* setOf(end))).payload;
    },
    poll: function* (_: string, end: number): Doing<number> {
      return (yield* event('poll', yield* setOf(end))).payload;
    },
  } as const;

  it.each(
    (Object.keys(COPIES) as (keyof typeof COPIES)[]).flatMap((copy) =>
      (Object.keys(WAYS) as (keyof typeof WAYS)[]).map((way) => [copy, way] as const),
    ),
  )('is told so once, and no copy follows: %s, by %s', async (copy, way) => {
    const both = await guests();
    let told: number | undefined;
    function* run(): Script {
      const [kind] = copy.split('.') as ['stream' | 'future'];
      const { reader, writer } = yield* ends(kind, 'bytes');
      const [end, other] = COPIES[copy] === 'readable' ? [reader, writer] : [writer, reader];
      const dropped = COPIES[copy] === 'readable' ? 'writable' : 'readable';
      expect(yield* does(`${copy} bytes`, end, 16, 4)).toBe(BLOCKED);
      yield* does(`${kind}.drop-${dropped} bytes`, other);
      told = yield* WAYS[way](copy, end);
      yield* does(`${copy} bytes`, end, 16, 4);
      return 0;
    }
    await expect(both.call('a', 'blocking', run())).rejects.toThrow(/copies while it is done/);
    expect(told).toBe(DROPPED);
  });

  it('lets the writer of a future go, who was told', async () => {
    const both = await guests();
    function* run(): Script {
      const { reader, writer } = yield* ends('future', 'bytes');
      const given = yield* does('future.give bytes', reader);
      expect(yield* does('future.write bytes', writer, 0)).toBe(BLOCKED);
      yield* does('call-sync plain', both.script(drops(given)));
      const set = yield* setOf(writer);
      expect(yield* leaves({ wait: set })).toEqual({ event: FUTURE_WRITE, handle: writer, payload: DROPPED });
      yield* does('future.drop-writable bytes', writer);
      yield* does('waitable-set.drop', set);
      yield* does('task.return', 1);
      return 0;
    }
    function* drops(end: number): Script {
      yield* does('future.drop-readable bytes', end);
      return 0;
    }
    expect(await both.call('b', 'callback', run())).toBe(1);
  });

  it('leaves the writer of a future no way but to write it', async () => {
    const both = await guests();
    function* run(): Script {
      const { writer } = yield* ends('future', 'bytes');
      yield* does('future.drop-writable bytes', writer);
      return 0;
    }
    await expect(both.call('a', 'blocking', run())).rejects.toThrow(/before it was written/);
  });
});

describe('a write that has completed', () => {
  it.each(['future', 'stream'] as const)(
    'is what cancelling it finds, before its event was taken: a %s',
    async (kind) => {
      const both = await guests();
      function* run(): Script {
        const { reader, writer } = yield* ends(kind, 'none');
        expect(yield* does(`${kind}.write none`, writer, 0, 3)).toBe(BLOCKED);
        const given = yield* does(`${kind}.give none`, reader);
        yield* does('call-sync plain', both.script(reads(given)));
        return yield* does(`${kind}.cancel-write-sync none`, writer);
      }
      function* reads(end: number): Script {
        expect(yield* does(`${kind}.read none`, end, 0, 3)).toBe(kind === 'future' ? COMPLETED : 3 << 4);
        return 0;
      }
      // A stream's copy that was cancelled says so, with the number of items that had passed.
      expect(await both.call('b', 'blocking', run())).toBe(kind === 'future' ? COMPLETED : 2 | (3 << 4));
    },
  );
});

describe('a copy of no items', () => {
  it('waits for a writer with items, and does not keep writers without', async () => {
    const both = await guests();
    function* reads(end: number): Script {
      expect(yield* does('stream.read none', end, 100, 0)).toBe(BLOCKED);
      const set = yield* setOf(end);
      expect(yield* event('wait', set)).toEqual({ event: STREAM_READ, handle: end, payload: 0 });
      yield* does('waitable.join', end, 0);
      expect(yield* does('stream.read none', end, 100, 2)).toBe(1 << 4);
      yield* does('stream.drop-readable none', end);
      return 0;
    }
    function* run(): Script {
      const { reader, writer } = yield* ends('stream', 'none');
      const given = yield* does('stream.give none', reader);
      const { subtask } = yield* calls('blocking', both.script(reads(given)));
      for (let n = 0; n < 2; n++) expect(yield* does('stream.write none', writer, 100, 0)).toBe(COMPLETED);
      expect(yield* does('stream.write none', writer, 100, 1)).toBe(BLOCKED);
      expect((yield* event('wait', yield* setOf(subtask))).payload).toBe(2);
      expect(yield* event('wait', yield* setOf(writer))).toEqual({
        event: STREAM_WRITE,
        handle: writer,
        payload: DROPPED | (1 << 4),
      });
      return 5;
    }
    expect(await both.call('b', 'blocking', run())).toBe(5);
  });
});

describe('a copy of very many items', () => {
  it('of no size passes whole', async () => {
    const both = await guests();
    function* run(): Script {
      const { reader, writer } = yield* ends('stream', 'none');
      expect(yield* does('stream.write none', writer, 0, MOST_ITEMS)).toBe(BLOCKED);
      expect(yield* does('stream.read none', reader, 0, MOST_ITEMS)).toBe((MOST_ITEMS << 4) >>> 0);
      return 1;
    }
    expect(await both.call('a', 'plain', run())).toBe(1);
  });

  it.each(['read', 'write'])('traps where a length cannot say how many: %s', async (way) => {
    const both = await guests();
    function* run(): Script {
      const { reader, writer } = yield* ends('stream', 'none');
      yield* does(`stream.${way} none`, way === 'read' ? reader : writer, 0, MOST_ITEMS + 1);
      return 1;
    }
    await expect(both.call('a', 'plain', run())).rejects.toThrow(/larger than the canonical ABI allows/);
  });
});

describe('a buffer', () => {
  const OPERATIONS = [
    ['stream.read', false],
    ['stream.write', false],
    ['stream.write', true],
    ['future.read', false],
    ['future.write', false],
  ] as const;

  function* copies(copy: string, isDropped: boolean, at: number, length: number): Script {
    const [kind, way] = copy.split('.') as ['stream' | 'future', string];
    const { reader, writer } = yield* ends(kind, 'words');
    if (isDropped) yield* does(`${kind}.drop-readable words`, reader);
    return yield* does(`${copy} words`, way === 'read' ? reader : writer, at, length);
  }

  it.each(OPERATIONS)(
    'that is misaligned traps at once, whoever is there: %s (other end dropped: %s)',
    async (copy, isDropped) => {
      const both = await guests();
      await expect(both.call('a', 'plain', copies(copy, isDropped, 2, 1))).rejects.toThrow(/misaligned/);
    },
  );

  it.each(OPERATIONS)(
    'that is aligned may be anywhere in the memory: %s (other end dropped: %s)',
    async (copy, isDropped) => {
      const both = await guests();
      const expected = isDropped ? DROPPED : BLOCKED;
      expect(await both.call('a', 'plain', copies(copy, isDropped, 65_532, 1))).toBe(expected);
    },
  );
});

describe('both ends in one instance', () => {
  it.each(['none', 'words'] as const)('pass items of numbers, or of nothing: %s', async (payload) => {
    const both = await guests();
    function* run(): Script {
      const { reader, writer } = yield* ends('stream', payload);
      yield* does('store 32', 64, 77);
      expect(yield* does(`stream.write ${payload}`, writer, 64, 1)).toBe(BLOCKED);
      expect(yield* does(`stream.read ${payload}`, reader, 128, 4)).toBe(1 << 4);
      return yield* does('load 32', 128);
    }
    expect(await both.call('a', 'plain', run())).toBe(payload === 'words' ? 77 : 0);
  });

  it.each(['stream', 'future'] as const)('do not pass others: a %s', async (kind) => {
    const both = await guests();
    function* run(): Script {
      const { reader, writer } = yield* ends(kind, 'texts');
      yield* does(`${kind}.write texts`, writer, 64, 1);
      yield* does(`${kind}.read texts`, reader, 128, 1);
      return 0;
    }
    await expect(both.call('a', 'plain', run())).rejects.toThrow(/read and written by one component instance/);
  });
});

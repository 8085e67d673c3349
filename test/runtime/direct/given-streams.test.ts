// Streams and futures that an embedder gives: what is one, what its items are, and how it ends.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime } from 'vivarium';
import {
  BLOCKED,
  does,
  ends,
  type HostEnds,
  type Script,
  ScriptedGuests,
} from '../../support/scripted-guests/index.ts';

const DROPPED = 1;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime();
});
afterAll(() => runtime.close());

/** A function that reads all items of a stream, each into 16 bytes, and answers these. */
const takes = (element: string): string => `(component
  (type $s (stream ${element}))
  (core module $Memory (memory (export "memory") 2) (global $top (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top (i32.add (global.get $top) (i32.const 64))) (global.get $top)))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem)) (alias core export $memory "realloc" (core func $realloc))
  (core func $read (canon stream.read $s (memory $mem) (realloc $realloc)))
  (core func $drop (canon stream.drop-readable $s))
  (core func $return (canon task.return (result (list u8)) (memory $mem)))
  (core module $M (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "drop" (func $drop (param i32))) (import "" "return" (func $return (param i32 i32)))
    (func (export "take") (param $s i32) (local $n i32) (local $got i32)
      (loop $more
        (local.set $got (call $read (local.get $s) (i32.add (i32.const 1024) (i32.mul (local.get $n) (i32.const 16))) (i32.const 1)))
        (local.set $n (i32.add (local.get $n) (i32.shr_u (local.get $got) (i32.const 4))))
        (br_if $more (i32.eqz (i32.and (local.get $got) (i32.const 15)))))
      (call $drop (local.get $s))
      (call $return (i32.const 1024) (i32.mul (local.get $n) (i32.const 16)))))
  (core instance $m (instantiate $M (with "" (instance (export "read" (func $read)) (export "drop" (func $drop)) (export "return" (func $return))))))
  (func (export "take") async (param "s" $s) (result (list u8)) (canon lift (core func $m "take") async (memory $mem) (realloc $realloc))))`;

async function loaded(element: string): Promise<ComponentHandle> {
  return runtime.load(await parse(takes(element)));
}

/** An iterator of the given items, and whether it was told to end. */
function noticing(...items: unknown[]): { readonly given: AsyncIterable<unknown>; readonly ended: () => boolean } {
  let isEnded = false;
  const iterator = {
    next: async () => (items.length === 0 ? { done: true, value: undefined } : { done: false, value: items.shift() }),
    return: async () => {
      isEnded = true;
      return { done: true, value: undefined };
    },
  };
  return { given: { [Symbol.asyncIterator]: () => iterator } as AsyncIterable<unknown>, ended: () => isEnded };
}

function locked(): ReadableStream {
  const stream = new ReadableStream();
  stream.getReader();
  return stream;
}

function streamOf(item: unknown): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(item);
      controller.close();
    },
  });
}

describe('an argument that is no stream', () => {
  it.each([
    ['a number', 5, /^argument 1: a stream, as a ReadableStream or an iterable, is expected, not 5$/],
    ['a string', 'abc', /is expected, not "abc"$/],
    ['null', null, /is expected, not null$/],
    ['missing', undefined, /is expected, and it is missing$/],
    ['an object without items', {}, /is expected, not an object$/],
    [
      'a stream with a reader',
      locked(),
      /^argument 1: a stream is expected that nobody reads, and this one has a reader$/,
    ],
  ])('is refused, and harms no component: %s', async (_, given, message) => {
    const handle = await loaded('u8');
    await expect(runtime.call(handle, 'take', given)).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    expect(await runtime.call(handle, 'take', [1])).toHaveLength(16);
  });
});

describe('an item of a stream', () => {
  it.each([
    ['u8', 300, /item \[1\]: a u8 is expected, not 300$/],
    ['u8', 'a', /item \[1\]: a u8 is expected, not "a"$/],
    ['u32', undefined, /item \[1\]: a u32 is expected, and it is missing$/],
    ['string', 5, /item \[1\]: a string is expected, not 5$/],
    ['string', '\ud800', /item \[1\]: a string of whole characters is expected/],
    ['(tuple u8 u32)', [1, -1], /item \[1\]\[1\]: a u32 is expected, not -1$/],
    ['(result u8)', { tag: 'some' }, /item \[1\]\.tag: one of ok, err is expected/],
  ])(
    'that its type does not have ends the component with its place, and its iterator: %s, %j',
    async (element, item, message) => {
      const first = { u8: 1, u32: 1, string: 'x', '(tuple u8 u32)': [1, 2], '(result u8)': { tag: 'ok', val: 1 } }[
        element
      ];
      const { given, ended } = noticing(first, item, first);
      await expect(runtime.call(await loaded(element), 'take', given)).rejects.toMatchObject({
        code: 'RUNTIME_TRAP',
        message: expect.stringMatching(message),
      });
      expect(ended()).toBe(true);
    },
  );

  it.each([
    ['u64', [1, 2n], '01'],
    ['f32', [-0, Number.NaN], '000000800000000000000000000000000000c07f'],
    ['(option u32)', [7, undefined], '0100000007'],
    ['u8', new Uint8Array([5, 6]), '0500000000000000000000000000000006'],
    ['u32', new Uint8Array([5]), '05'],
    ['', [undefined, 1], ''],
  ])('is what an argument of its type may be: %s', async (element, given, bytes) => {
    const answer = await runtime.call(await loaded(element), 'take', given);
    expect(Buffer.from(answer as Uint8Array).toString('hex')).toMatch(new RegExp(`^${bytes}`));
    expect(answer).toHaveLength(16 * (given as { length: number }).length);
  });

  it.each([
    ['an iterable', () => [new Uint8Array([1, 2, 3])]],
    ['a ReadableStream', () => streamOf(new Uint8Array([1, 2, 3]))],
  ])('may be a list of bytes, which is one item there: %s', async (_, given) => {
    const answer = (await runtime.call(await loaded('(list u8)'), 'take', given())) as Uint8Array;
    expect([answer.length, answer[4]]).toEqual([16, 3]);
  });
});

describe('a stream of the embedder', () => {
  const guests = (host: Partial<HostEnds>): Promise<ScriptedGuests> =>
    new ScriptedGuests(runtime, ['bytes'], { take: () => {}, give: () => [], ...host }).load();
  const failing = (): AsyncIterable<unknown> => ({
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('it is gone')) }),
  });

  it('that fails and that no guest reads leaves the component as it is, until one does', async () => {
    const both = await guests({ give: failing });
    let reader = 0;
    function* takes(): Script {
      reader = yield* does('stream.from-host bytes');
      return 1;
    }
    function* waits(): Script {
      yield* does('thread.yield');
      return 2;
    }
    function* reads(): Script {
      return yield* does('stream.read-sync bytes', reader, 0, 1);
    }
    expect(await both.call('b', 'blocking', takes())).toBe(1);
    for (let n = 0; n < 3; n++) expect(await both.call('b', 'blocking', waits())).toBe(2);
    await expect(both.call('b', 'blocking', reads())).rejects.toThrow(/a stream that the host gave failed: it is gone/);
  });

  it.each(['stream', 'future'] as const)(
    'is paid for until promises of the host have let it go, which they do while its guest pauses: a %s',
    async (kind) => {
      const host: HostEnds = { take: () => {}, give: () => [] };
      const limits = { maxMemoryBytes: 2 ** 20 };
      const both = await new ScriptedGuests(runtime, ['bytes'], host).load({ limits, scheduling: 'cooperative' });
      function* takes(most: number): Script {
        for (let n = 0; n < most; n++) {
          yield* does(`${kind}.drop-readable bytes`, yield* does(`${kind}.from-host bytes`));
          if (n % 500 === 499) yield* does('thread.yield');
        }
        return 1;
      }
      expect(await both.call('b', 'blocking', takes(2_500))).toBe(1);
      function* takesWithoutPause(): Script {
        for (;;) yield* does(`${kind}.drop-readable bytes`, yield* does(`${kind}.from-host bytes`));
      }
      await expect(both.call('b', 'blocking', takesWithoutPause())).rejects.toThrow(/the host keep more than it may/);
    },
  );

  it('whose bytes are taken away while a guest reads them goes on with its next item', async () => {
    const chunk = new Uint8Array(8).fill(3);
    const both = await guests({ give: () => [chunk, new Uint8Array([9])] });
    function* reads(): Script {
      const reader = yield* does('stream.from-host bytes');
      expect(yield* does('stream.read-sync bytes', reader, 0, 4)).toBe(4 << 4);
      structuredClone(chunk, { transfer: [chunk.buffer] });
      expect((yield* does('stream.read-sync bytes', reader, 0, 4)) >>> 4).toBe(1);
      return yield* does('load 8', 0);
    }
    expect(await both.call('b', 'blocking', reads())).toBe(9);
  });
});

async function countItems(stream: AsyncIterable<unknown>): Promise<number> {
  let items = 0;
  for await (const _ of stream) items += 1;
  return items;
}

describe('a stream of a guest', () => {
  const guests = (take: HostEnds['take']): Promise<ScriptedGuests> =>
    new ScriptedGuests(runtime, ['bytes', 'longs'], { take, give: () => [] }).load();

  it.each(['bytes', 'longs'] as const)(
    'ends for a reader of JavaScript though the call that wrote it is over: %s',
    async (payload) => {
      const ended = Promise.withResolvers<number>();
      const both = await guests((_, __, stream) => {
        void countItems(stream as AsyncIterable<unknown>).then(ended.resolve, ended.reject);
      });
      function* writes(): Script {
        const { reader, writer } = yield* ends('stream', payload);
        yield* does(`stream.to-host ${payload}`, reader);
        for (let n = 0; n < 3; n++) yield* does(`stream.write-sync ${payload}`, writer, 0, 1);
        yield* does(`stream.drop-writable ${payload}`, writer);
        return 1;
      }
      expect(await both.call('b', 'blocking', writes())).toBe(1);
      expect(await ended.promise).toBe(3);
    },
  );

  it.each(['bytes', 'longs'] as const)(
    'that JavaScript does not want is dropped before its guest goes on: %s',
    async (payload) => {
      const both = await guests((_, __, stream) => {
        if (stream instanceof ReadableStream) void stream.cancel();
        else void (stream as AsyncIterator<unknown>).return?.();
      });
      function* writes(): Script {
        const { reader, writer } = yield* ends('stream', payload);
        expect(yield* does(`stream.write ${payload}`, writer, 0, 1)).toBe(BLOCKED);
        yield* does(`stream.to-host ${payload}`, reader);
        return yield* does(`stream.cancel-write ${payload}`, writer);
      }
      expect(await both.call('b', 'blocking', writes())).toBe(DROPPED);
    },
  );
});

describe('an export that is an import', () => {
  const forwarding = (element: string, host: (stream: never, later: never) => unknown): Promise<unknown> =>
    parse(`(component (type $s (stream ${element})) (type $f (future ${element}))
      (import "pass" (func $pass async (param "s" $s) (param "f" $f) (result (tuple $s $f)))) (export "pass" (func $pass)))`).then(
      (bytes) => runtime.load(bytes, { imports: { pass: host } }),
    );

  it.each([
    ['u8', [new Uint8Array([1, 2]), new Uint8Array(), 3], 4, [1, 2, 3]],
    ['(list u8)', [new Uint8Array([1, 2])], new Uint8Array([4]), [new Uint8Array([1, 2])]],
    ['(option string)', ['a', null], undefined, ['a', undefined]],
  ])('passes streams and futures on as those of guests, and back: %s', async (element, items, value, expected) => {
    const seen: unknown[] = [];
    const handle = await forwarding(element, (stream: unknown, later: unknown) => {
      seen.push(stream instanceof ReadableStream, later instanceof Promise);
      return [stream, later];
    });
    const [stream, later] = (await runtime.call(handle as ComponentHandle, 'pass', items, value)) as [
      AsyncIterable<unknown>,
      unknown,
    ];
    const found: unknown[] = [];
    for await (const item of stream) found.push(...(element === 'u8' ? (item as Uint8Array) : [item]));
    expect([found, await later, seen]).toEqual([expected, value, [element === 'u8', true]]);
  });

  it('gives its import no item that the type does not have, and ends the iterator', async () => {
    const { given, ended } = noticing('a', 5);
    const found: unknown[] = [];
    const handle = await forwarding('string', async (stream: AsyncIterable<unknown>, later: unknown) => {
      for await (const item of stream) found.push(item);
      return [[], later];
    });
    const call = runtime.call(handle as ComponentHandle, 'pass', given, 'b');
    await expect(call).rejects.toThrow(/item \[1\]: a string is expected, not 5/);
    expect([found, ended()]).toEqual([['a'], true]);
  });
});

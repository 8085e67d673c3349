import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageOf } from '#core/errors';
import type { OutgoingMessage } from '#core/messages';
import { ATTACHED } from '#core/ports/meter';
import { AsciiText } from '#core/text';
import { meter } from '#metering';
import { linkComponent, readComponent } from '#wasm';
import { theExchange } from '../../../../src/runtime/exchange/exchange.ts';
import { planBuild } from '../../../../src/runtime/planning/plan.ts';
import { type ActorText, actor, BUMP } from '../../../../tools/components/actor-wat.ts';
import { bothWaysIn, type Ended, type WayIn } from './both-ways-in.ts';

const LIFECYCLE = 'vivarium:actor/lifecycle@0.1.0';

/** Answers all bytes that the call was lowered to: the record, and behind it what it points to. */
const ALL = `
  (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) (i32.const 1024)) (i32.store (i32.const 28) (i32.sub (global.get $heap) (i32.const 1024)))
  (i32.const 16)`;

/** Mostly what fits into the exchange: one text of a message that does not sends all of it the other way. */
const text = fc.oneof(
  { weight: 60, arbitrary: fc.constantFrom('', 'vivarium', 'host', 'a', 'abc', 'abcdefg', 'a'.repeat(48)) },
  { weight: 40, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 48 }) },
  { weight: 2, arbitrary: fc.constantFrom('a'.repeat(49), 'é', '\ud800') },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
);
const option = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined });
const rarely = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined, freq: 1 });
const id = fc.record({ namespace: text, name: text, instance: text }, { noNullPrototype: true });
const payload = fc.uint8Array({ maxLength: 300 });
const block = (() => {
  const bytes = new TextEncoder().encode('0123456789abcdef'.repeat(8));
  return { text: '0123456789abcdef'.repeat(8), bytes: new DataView(bytes.buffer) };
})();
const inBlock = fc.tuple(fc.nat(40), fc.nat(60)).map(([start, length]) => new AsciiText(block, start, length));

/** Any message, those that fit into the exchange and those that do not. */
const message: fc.Arbitrary<OutgoingMessage> = fc.record(
  {
    sender: id,
    payload,
    metadata: fc.record(
      {
        messageId: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.maxSafeNat()),
        correlationId: option(fc.oneof(text, inBlock)),
        replyTo: option(id),
        timestamp: fc.record({ seconds: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), nanoseconds: fc.nat() }),
        contentType: option(text),
        topic: option(text),
        headers: fc.oneof(
          { weight: 20, arbitrary: fc.constant([]) },
          fc.array(fc.tuple(text, text), { maxLength: 2 }) as fc.Arbitrary<[string, string][]>,
        ),
        failure: rarely(fc.record({ tag: fc.constantFrom('cancelled', 'queue-full'), val: text })) as fc.Arbitrary<
          OutgoingMessage['metadata']['failure']
        >,
      },
      { noNullPrototype: true },
    ),
  },
  { noNullPrototype: true },
);

const SMALL: OutgoingMessage = {
  sender: { namespace: 'n', name: 'name', instance: 'instance' },
  payload: Uint8Array.from({ length: 16 }, (_, index) => index),
  metadata: { messageId: 7, correlationId: 'c', timestamp: { seconds: 1n, nanoseconds: 2 }, headers: [] },
};

/** As much of an end as two ways in have in common. */
const seen = ({ value, thrown, fuel }: Ended): unknown => ({
  value,
  fuel,
  thrown: thrown === undefined ? undefined : thrown instanceof Error ? messageOf(thrown) : thrown,
});

function both(ways: readonly WayIn[], name: string, ...args: readonly unknown[]): unknown {
  const [through, past] = ways.map((way) => seen(way.call(`${LIFECYCLE}#${name}`, ...args)));
  expect(through).toEqual(past);
  return through;
}

describe('an adapter', () => {
  it('writes any message as the code outside does, call after call, for the same fuel', async () => {
    const component = await actor({ handleMessage: ALL, memory: '2' });
    const counts = { all: 0, taken: 0 };
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), (messages) => {
        const ways = bothWaysIn(component);
        for (const each of messages) {
          theExchange().u8[4] = 0;
          both(ways, 'handleMessage', each);
          counts.all += 1;
          counts.taken += theExchange().answer === 0 ? 0 : 1;
        }
      }),
      { numRuns: 60 },
    );
    expect(counts.taken).toBeGreaterThan(counts.all / 5);
    expect(counts.taken).toBeLessThan(counts.all);
  });

  it('answers any bytes, or none, and calls back without', async () => {
    const component = await actor();
    const ways = bothWaysIn(component);
    for (const length of [0, 1, 7, 8, 9, 15, 16, 63, 64, 65, 255, 256, 257, 1024, 1025]) {
      const given = Uint8Array.from({ length }, (_, index) => index);
      expect(both(ways, 'handleMessage', { ...SMALL, payload: given })).toMatchObject({ value: given });
    }
    expect(both(ways, 'handleCallback', SMALL)).toMatchObject({ value: undefined, thrown: undefined });
  });

  it('is taken for what fits into the exchange, and for nothing else', async () => {
    const [through] = bothWaysIn(await actor());
    const exchange = theExchange();
    const taken = (message: OutgoingMessage): boolean => {
      exchange.u8[4] = 0;
      through?.call(`${LIFECYCLE}#handleMessage`, message);
      return exchange.answer !== 0;
    };
    const { sender, metadata } = SMALL;
    expect(taken(SMALL)).toBe(true);
    expect(taken({ ...SMALL, payload: new Uint8Array(256) })).toBe(true);
    expect(taken({ ...SMALL, payload: new Uint8Array(257) })).toBe(false);
    expect(taken({ ...SMALL, sender: { ...sender, name: 'n'.repeat(49) } })).toBe(false);
    expect(taken({ ...SMALL, sender: { ...sender, name: 'é' } })).toBe(false);
    expect(taken({ ...SMALL, metadata: { ...metadata, headers: [['a', 'b']] } })).toBe(false);
    expect(taken({ ...SMALL, metadata: { ...metadata, failure: { tag: 'cancelled', val: '' } } })).toBe(false);
  });

  const text2 = '(i32.store (i32.const 28) (i32.const 256)) (i32.store (i32.const 32) (i32.const 3))';
  const many = '(i32.store (i32.const 24) (i32.const 65000)) (i32.store (i32.const 28) (i32.const 1000))';
  const bytes = (change: string): ActorText => ({
    handleMessage: `(i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
      (i32.store (i32.const 24) (i32.const 0)) (i32.store (i32.const 28) (i32.const 4)) ${change} (i32.const 16)`,
  });
  const HOST = '(import "vivarium:actor/host-services@0.1.0" "current-time-millis" (func $now (result i64)))';
  const OUT = '(drop (call $now))';

  it.each<[string, ActorText, RegExp | undefined]>([
    ['an allocator that answers between two words', { realloc: '(i32.const 1025)' }, /not aligned to 8/],
    ['an allocator that answers outside of memory', { realloc: '(i32.const 65528)' }, /outside of memory/],
    ['an allocator that answers the end of all memories', { realloc: '(i32.const -8)' }, /outside of memory/],
    ['an allocator that always answers one place', { realloc: '(i32.const 2048)' }, undefined],
    ['an allocator that grows the memory', { realloc: `(drop (memory.grow (i32.const 1))) ${BUMP}` }, undefined],
    ['an allocator that traps', { realloc: 'unreachable' }, /unreachable/],
    ['an allocator that never ends', { realloc: '(loop $l (br $l)) unreachable' }, /cost more than/],
    ['an allocator that calls out', { fields: HOST, realloc: `${OUT} ${BUMP}` }, /allocating or cleaning up/],
    ['cleaning up that calls out', { fields: HOST, postReturn: OUT }, /allocating or cleaning up/],
    ['cleaning up that traps', { postReturn: 'unreachable' }, /unreachable/],
    ['a handler that calls out', { fields: HOST, handleMessage: `${OUT} ${ALL}` }, undefined],
    ['a handler that traps', { handleMessage: 'unreachable' }, /unreachable/],
    ['a result between two words', { handleMessage: '(i32.const 17)' }, /misaligned or outside/],
    ['a result at the end of memory', { handleMessage: '(i32.const 65532)' }, /misaligned or outside/],
    ['a result of no case', bytes('(i32.store8 (i32.const 16) (i32.const 2))'), /not the number of a case/],
    ['a value of no case', bytes('(i32.store8 (i32.const 20) (i32.const 2))'), /not the number of a case/],
    ['no value', bytes('(i32.store8 (i32.const 20) (i32.const 0))'), undefined],
    [
      'an error',
      bytes(`(i32.store8 (i32.const 16) (i32.const 1)) (i32.store8 (i32.const 20) (i32.const 3)) ${text2}`),
      undefined,
    ],
    ['bytes outside of memory', bytes(many), /outside of memory/],
    ['bytes at the end of all memories', bytes('(i32.store (i32.const 24) (i32.const -1))'), /outside of memory/],
    ['more bytes than any memory has', bytes('(i32.store (i32.const 28) (i32.const -1))'), /outside of memory/],
  ])('ends as the code outside does with %s', async (_what, guest, problem) => {
    const calls: string[] = [];
    const currentTimeMillis = (): bigint => {
      calls.push('now');
      return 1n;
    };
    const component = await actor(guest);
    for (const name of ['handleMessage', 'handleCallback']) {
      const ways = bothWaysIn(component, { 'vivarium:actor/host-services@0.1.0': { currentTimeMillis } });
      const end = both(ways, name, SMALL) as { thrown?: unknown };
      if (name !== 'handleMessage') continue;
      if (problem === undefined) expect(end.thrown).not.toEqual(expect.any(String));
      else expect(end.thrown).toMatch(problem);
    }
    expect(theExchange().locked).toBe(false);
    expect(calls.length % 2).toBe(0);
  });

  it.each<[string, string, unknown]>([
    ['its own bytes', '(i32.store (i32.const 28) (i32.load offset=28 (local.get $msg)))', { value: SMALL.payload }],
    ['many bytes', '(i32.store (i32.const 28) (i32.const 2000))', { value: { length: 2000 } }],
    ['no bytes', '(i32.store8 (i32.const 20) (i32.const 0))', { value: undefined, thrown: undefined }],
    ['an error', '(i32.store8 (i32.const 16) (i32.const 1))', { thrown: { tag: 'invalid-component' } }],
    ['a result of no case', '(i32.store8 (i32.const 16) (i32.const 9))', { thrown: expect.any(String) }],
  ])('is there for what a host function calls within a turn that ends with %s', async (_what, change, expected) => {
    let inner: WayIn[] = [];
    const ends: unknown[] = [];
    const currentTimeMillis = (): bigint => {
      ends.push(both(inner, 'handleMessage', { ...SMALL, payload: Uint8Array.of(9, 9) }));
      return 1n;
    };
    inner = bothWaysIn(await actor());
    const outer = bothWaysIn(
      await actor({
        fields: HOST,
        handleMessage: `${OUT} (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
          (i32.store (i32.const 24) (i32.load offset=24 (local.get $msg))) ${change} (i32.const 16)`,
      }),
      { 'vivarium:actor/host-services@0.1.0': { currentTimeMillis } },
    );
    expect(both(outer, 'handleMessage', SMALL)).toMatchObject(expected as object);
    expect(ends).toEqual([0, 1].map(() => expect.objectContaining({ value: Uint8Array.of(9, 9) })));
  });

  it('refuses what is no message with the words of the code outside', async () => {
    const component = await actor();
    for (const bad of [
      { ...SMALL, payload: 'text' },
      { ...SMALL, metadata: { ...SMALL.metadata, headers: 5 } },
    ]) {
      expect(both(bothWaysIn(component), 'handleMessage', bad)).toMatchObject({
        thrown: expect.stringMatching(/a list is expected/),
      });
    }
  });
});

describe('a value that is not of its type', () => {
  it('is told in the words of the code outside', async () => {
    const component = await actor();
    for (const sender of [
      { namespace: 'n', instance: 'i' },
      { ...SMALL.sender, name: null },
      { ...SMALL.sender, name: 5 },
    ]) {
      const [through, past] = bothWaysIn(component).map((way) =>
        seen(way.call(`${LIFECYCLE}#handleMessage`, { ...SMALL, sender })),
      );
      expect(through).toEqual(past);
      expect(through).toMatchObject({ thrown: expect.stringMatching(/a string is expected/) });
    }
  });

  it('no text at all is written as the code outside writes it', async () => {
    const empty = { ...SMALL, metadata: { ...SMALL.metadata, correlationId: new AsciiText(block, 3, 0) } };
    both(bothWaysIn(await actor({ handleMessage: ALL, memory: '2' })), 'handleMessage', empty);
  });
});

describe('adapters of other worlds', () => {
  const types: readonly (readonly [wit: string, values: fc.Arbitrary<unknown>])[] = [
    ['string', text],
    ['list<u8>', fc.oneof(payload, fc.array(fc.nat(255), { maxLength: 4 }))],
    ['bool', fc.boolean()],
    ['u8', fc.nat(255)],
    ['s8', fc.integer({ min: -128, max: 127 })],
    ['u16', fc.nat(65_535)],
    ['s16', fc.integer({ min: -32_768, max: 32_767 })],
    ['u32', fc.nat(2 ** 32 - 1)],
    ['s32', fc.integer()],
    ['u64', fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
    ['s64', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
    ['list<u16>', fc.array(fc.nat(65_535), { maxLength: 2 })],
    ['list<string>', fc.array(text, { maxLength: 2 })],
    ['option<char>', option(fc.constantFrom('a', 'é'))],
    ['option<result<u32, string>>', option(fc.record({ tag: fc.constant('ok'), val: fc.nat() }))],
  ];
  type Type = readonly [wit: string, values: fc.Arbitrary<unknown>];
  const { type } = fc.letrec<{ type: Type }>((tie) => ({
    type: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(...types),
      tie('type').map(
        ([wit, values]): Type => (/^option/.test(wit) ? [wit, values] : [`option<${wit}>`, option(values)]),
      ),
      fc.tuple(tie('type'), tie('type')).map(([a, b]): Type => [`tuple<${a[0]}, ${b[0]}>`, fc.tuple(a[1], b[1])]),
    ),
  }));

  it('lower any parameters of the types that travel as the code outside does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(type, { minLength: 1, maxLength: 6 }), fc.gen(), async (parts, gen) => {
        const padding = Array.from({ length: 17 }, (): Type => ['u8', fc.nat(255)]);
        const all = [...parts, ...padding];
        const params = all.map(([wit], index) => `p${index}: ${wit}`).join(', ');
        const witSource = `package t:t; world w { export run: func(${params}) -> result<option<list<u8>>, string>; }`;
        const binary = await parse(`(module (memory (export "memory") 2) (global $heap (mut i32) (i32.const 1024))
          (func (export "cabi_realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32)
            (local $at i32) ${BUMP})
          (func (export "run") (param $msg i32) (result i32) ${ALL})
          (func (export "cabi_post_run") (param i32) (global.set $heap (i32.const 1024))))`);
        const component = await componentNew(await componentEmbed({ binary, witSource, world: 'w' }), []);
        expect([...planBuild(component).attached.keys()]).toEqual([0]);
        const ways = bothWaysIn(component);
        for (let call = 0; call < 5; call++) {
          const args = all.map(([, values]) => gen(() => values));
          const [through, past] = ways.map((way) => seen(way.call('run', ...args)));
          expect(through).toEqual(past);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('are there only where everything that they need is in one core module, and the types travel', async () => {
    const attachedTo = async (run: string, before = ''): Promise<number> => {
      const witSource = `package t:t; world w { ${before} export run: func(${run}; }`;
      const dummy = await componentEmbed({ witSource, world: 'w', dummy: true });
      const exported = [...planBuild(await componentNew(dummy, [])).attached.values()].flatMap(({ functions }) =>
        functions.filter((each) => each.exported),
      );
      return exported.length;
    };
    const wide =
      'a: tuple<u64, u64, u64, u64, u64, u64, u64, u64>, b: tuple<u64, u64, u64, u64, u64, u64, u64, u64, u64>';
    expect(await attachedTo(`${wide}) -> result<_, string>`)).toBe(1);
    expect(await attachedTo(`${wide}) -> result<option<list<u8>>, string>`)).toBe(1);
    expect(await attachedTo(`${wide}) -> result<list<u8>, string>`)).toBe(0);
    expect(await attachedTo(`${wide}) -> string`)).toBe(0);
    expect(await attachedTo('a: string) -> result<_, string>')).toBe(0);
    expect(await attachedTo(`${wide}, c: f64) -> result<_, string>`)).toBe(0);
    // One function that has too much for the exchange, or too many parts, takes nothing from those after it.
    const tuple = (part: string, count: number): string =>
      `tuple<${Array.from({ length: count }, () => part).join(', ')}>`;
    for (const first of [tuple('string', 1_000), tuple('list<u16>', 300), tuple('option<char>', 300)]) {
      const before = `export before: func(a: ${first}) -> result<_, string>;`;
      expect(await attachedTo(`${wide}) -> result<_, string>`, before)).toBe(1);
    }
  });
});

describe('what is attached', () => {
  it('is out of reach for the guest, which may not use its name', async () => {
    for (const fields of [
      `(import "${ATTACHED}" "word" (func (param i32) (result i64)))`,
      `(func (export "${ATTACHED}.x"))`,
    ]) {
      const bytes = await parse(`(module ${fields})`);
      expect(() => meter.meterModule(bytes, 'fuel')).toThrow(
        expect.objectContaining({ code: 'METERING_RESERVED_NAME' }),
      );
    }
  });

  it('changes nothing of how a module counts', async () => {
    const component = await actor();
    const [main] = linkComponent(readComponent(component)).modules;
    const attached = planBuild(component).attached.get(0);
    for (const mode of ['fuel', 'deadline'] as const) {
      const bytes = main?.bytes as Uint8Array;
      const module = new WebAssembly.Module(
        meter.meterModule(bytes, mode, { attached }).bytes as Uint8Array<ArrayBuffer>,
      );
      const plain = new WebAssembly.Module(meter.meterModule(bytes, mode).bytes as Uint8Array<ArrayBuffer>);
      const names = (of: WebAssembly.Module): string[] => WebAssembly.Module.exports(of).map(({ name }) => name);
      const added = names(module).filter((name) => !names(plain).includes(name));
      expect(added).toEqual(added.filter((name) => name.startsWith(`${ATTACHED}.adapter`)));
      expect(added).toHaveLength(2);
    }
  });
});

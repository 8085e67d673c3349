import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime } from '../../../src/index.ts';
import { componentOf } from '../../../tools/components/actor-wat.ts';
import { runCount } from '../../support/runs.ts';
import { echoGuest } from '../direct/echo-guest.ts';
import { valuesOf, type WitType, witSignature } from '../direct/wit-types.ts';
import { brokenOf, placed } from './broken-values.ts';

describe('arguments', () => {
  let runtimes: readonly Runtime[];
  beforeAll(async () => {
    runtimes = await Promise.all([createRuntime({ calls: 'direct' }), createRuntime({ calls: 'glue' })]);
  });
  afterAll(() => Promise.all(runtimes.map((runtime) => runtime.close())));

  it('of any type arrive alike on both ways, and one thing wrong is refused by its place with nothing lost', async () => {
    const cases = witSignature.chain(({ params, result }) =>
      fc.record({
        params: fc.constant(params),
        result: fc.constant(result),
        answer: valuesOf(result).filter(
          (value) => (value as { tag?: unknown } | undefined)?.tag !== 'err' || result.kind !== 'result',
        ),
        valid: fc.tuple(...params.map(valuesOf)),
        broken: fc.array(
          fc.nat(params.length - 1).chain((at) => brokenOf(params[at] as WitType).map((broken) => ({ at, ...broken }))),
          { minLength: 3, maxLength: 8 },
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ params, result, answer, valid, broken }) => {
        const component = await echoGuest(params, result, 'utf8');
        const seen: unknown[][] = [];
        for (const runtime of runtimes) {
          const given: unknown[] = [];
          seen.push(given);
          const echo = (...args: unknown[]): unknown => {
            given.push(args);
            return result.kind === 'result' ? (answer as { val?: unknown }).val : answer;
          };
          const handle = await runtime.load(component, { imports: { 't:t/host': { echo } } });
          const call = (args: readonly unknown[]): Promise<unknown> => runtime.call(handle, 't:t/api#echo', ...args);
          const first = await call(valid);
          for (const { at, value, place } of broken) {
            const refused = await call(valid.with(at, value)).then(
              () => expect.fail('was taken'),
              (error: Error) => error,
            );
            expect(refused).toMatchObject({ code: 'RUNTIME_INVALID_ARGUMENT' });
            expect(
              refused.message.startsWith(`argument ${at + 1}${place === '' ? '' : `, ${placed(place)}`}: `),
              refused.message,
            ).toBe(true);
            expect(runtime.state(handle)).toBe('ready');
          }
          expect(given).toHaveLength(1);
          expect(await call(valid)).toEqual(first);
          expect(given).toHaveLength(2);
          await runtime.unload(handle);
        }
        expect(seen[0]).toEqual(seen[1]);
      }),
      { numRuns: runCount(25, 8) },
    );
  });

  const WIT = `package t:t;
    interface api {
      record item { price: u32, note: option<string> }
      record basket { items: list<item>, the-id: u64 }
      enum color { red, dark-blue }
      flags rights { can-read, can-write }
      variant form { circle(f32), none }
      %u8: func(n: u8) -> u8; %u32: func(n: u32) -> u32; %u64: func(n: u64) -> u64; flag: func(b: bool) -> bool;
      two: func(a: u32, b: u32) -> u32; maybe: func(a: u32, b: option<u32>) -> u32;
      text: func(s: string) -> u32; letter: func(c: char) -> u32; paint: func(c: color) -> u32; may: func(r: rights) -> u32;
      draw: func(s: form) -> u32; order: func(n: u8, o: basket) -> u32; many: func(l: list<u64>) -> u64; float: func(x: f64) -> f64;
    } world w { export api; }`;
  const REALLOC = `(memory (export "memory") 2) (global $at (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $at (i32.and (i32.add (global.get $at) (i32.const 7)) (i32.const -8)))
      (global.get $at) (global.set $at (i32.add (global.get $at) (local.get 3))))`;
  const count = '(global.set $calls (i32.add (global.get $calls) (i32.const 1))) (global.get $calls)';
  const CODE = `(module ${REALLOC} (global $calls (mut i32) (i32.const 0))
    (func (export "t:t/api#u8") (param i32) (result i32) (local.get 0)) (func (export "t:t/api#u32") (param i32) (result i32) (local.get 0))
    (func (export "t:t/api#u64") (param i64) (result i64) (local.get 0)) (func (export "t:t/api#flag") (param i32) (result i32) (local.get 0))
    (func (export "t:t/api#two") (param i32 i32) (result i32) ${count}) (func (export "t:t/api#maybe") (param i32 i32 i32) (result i32) (local.get 1))
    (func (export "t:t/api#text") (param i32 i32) (result i32) (local.get 1)) (func (export "t:t/api#letter") (param i32) (result i32) (local.get 0))
    (func (export "t:t/api#paint") (param i32) (result i32) (local.get 0)) (func (export "t:t/api#may") (param i32) (result i32) (local.get 0))
    (func (export "t:t/api#draw") (param i32 f32) (result i32) (local.get 0)) (func (export "t:t/api#order") (param i32 i32 i32 i64) (result i32) (local.get 2))
    (func (export "t:t/api#many") (param i32 i32) (result i64) (i64.load (local.get 0))) (func (export "t:t/api#float") (param f64) (result f64) (local.get 0)))`;

  describe.each([0, 1])('on the way %i', (way) => {
    let runtime: Runtime;
    let handle: ComponentHandle;
    beforeAll(async () => {
      runtime = runtimes[way] as Runtime;
      handle = await runtime.load(await componentOf(CODE, WIT, 'w'));
    });
    const call = (name: string, ...args: unknown[]): Promise<unknown> => runtime.call(handle, `api#${name}`, ...args);
    const order = (price: unknown): unknown => ({
      items: [{ price: 1 }, { price: 2, note: 'x' }, { price: 3 }, { price }],
      theId: 7,
    });

    const REFUSED: readonly (readonly [call: string, args: readonly unknown[], message: string])[] = [
      ['order', [1, order(-1)], 'argument 2, field items[3].price: a u32 is expected, not -1'],
      ['order', [1, order(undefined)], 'argument 2, field items[3].price: a u32 is expected, and it is missing'],
      ['order', [1, { items: [] }], 'argument 2, field theId: a u64 is expected, and it is missing'],
      ['two', [1], 'argument 2 is missing: "t:t/api#two" takes 2 (a, b)'],
      ['two', [1, 2, 3], 'argument 3 is too many: "t:t/api#two" takes 2 (a, b)'],
      ['maybe', [], 'argument 1 is missing: "t:t/api#maybe" takes 2 (a, b)'],
      ['u32', [null], 'argument 1: a u32 is expected, not null'],
      ['u32', ['x'], 'argument 1: a u32 is expected, not "x"'],
      ['u32', [1.5], 'argument 1: a u32 is expected, not 1.5'],
      ['u32', [2 ** 40], 'argument 1: a u32 is expected, not 1099511627776'],
      ['u8', [300], 'argument 1: a u8 is expected, not 300'],
      ['u8', [5n], 'argument 1: a u8 is expected, not 5n'],
      ['flag', ['false'], 'argument 1: a bool is expected, not "false"'],
      ['u64', ['-1'], 'argument 1: a u64 is expected, not "-1"'],
      ['u64', [-1], 'argument 1: a u64 is expected, not -1'],
      ['u64', [2n ** 64n], 'argument 1: a u64 is expected, not 18446744073709551616n'],
      [
        'u64',
        [Number('9007199254740993')],
        'argument 1: a u64 as a bigint or a safe integer is expected, not 9007199254740992',
      ],
      ['text', [5], 'argument 1: a string is expected, not 5'],
      [
        'text',
        ['a\ud800'],
        'argument 1: a string of whole characters is expected, not one with half of a surrogate pair',
      ],
      ['letter', ['ab'], 'argument 1: a char is expected, not "ab"'],
      ['paint', ['darkBlue'], 'argument 1: one of red, dark-blue is expected, not "darkBlue"'],
      ['may', [{ canExecute: true }], 'argument 1: one of canRead, canWrite is expected, not "canExecute"'],
      ['draw', [{ tag: 'square', val: 1 }], 'argument 1, field tag: one of circle, none is expected, not "square"'],
      ['draw', [{ tag: 'circle', val: '1' }], 'argument 1, field val: an f32 is expected, not "1"'],
      ['many', [[1, 2n, '3']], 'argument 1, item [2]: a u64 is expected, not "3"'],
    ];
    it.each(REFUSED.map(([name, args, message]) => [name, message, args] as const))(
      '%s refuses: %s',
      async (name, message, args) => {
        const before = (await call('two', 1, 2)) as number;
        await expect(call(name, ...args)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_ARGUMENT', message });
        expect(runtime.state(handle)).toBe('ready');
        // The same instance: it counts on.
        expect(await call('two', 1, 2)).toBe(before + 1);
      },
    );

    it('takes 64-bit integers as bigints and safe integers, in lists too, and what may be left out', async () => {
      expect(await call('u64', 9007199254740993n)).toBe(9007199254740993n);
      expect(await call('u64', 2 ** 53 - 1)).toBe(2n ** 53n - 1n);
      expect(await call('many', [2 ** 53 - 1, 2n ** 64n - 1n])).toBe(2n ** 53n - 1n);
      expect(await call('many', BigUint64Array.of(2n ** 64n - 1n))).toBe(2n ** 64n - 1n);
      expect(await call('maybe', 1)).toBe(0);
      expect(await call('u32', -0)).toBe(0);
      expect(await call('may', { canWrite: true })).toBe(2);
      expect(await call('order', 1, order(4))).toBe(4);
      expect(await call('float', -0)).toBe(-0);
    });

    it('reads each value once, so that what is lowered is what was checked', async () => {
      let reads = 0;
      const item = {
        get price() {
          return reads++ === 0 ? 1 : 'other';
        },
      };
      expect(await call('order', 1, { items: [item], theId: 1 })).toBe(1);
      expect(reads).toBe(1);
      const throwing = new Proxy([], {
        get: () => {
          throw new Error('no');
        },
      });
      await expect(call('many', throwing)).rejects.toMatchObject({
        code: 'RUNTIME_INVALID_ARGUMENT',
        message: 'argument 1 cannot be read: no',
      });
      const endless = new Proxy([], { get: (target, key) => (key === 'length' ? 2 ** 40 : Reflect.get(target, key)) });
      for (const list of [endless, new Proxy([], { get: () => -1 })]) {
        await expect(call('many', list)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_ARGUMENT' });
      }
      expect(runtime.state(handle)).toBe('ready');
    });

    it('takes JSON by the types of the interface', async () => {
      const json = (name: string, text: string): Promise<unknown> => runtime.callJson(handle, `api#${name}`, text);
      expect(await json('u64', '["18446744073709551615"]')).toBe(2n ** 64n - 1n);
      expect(await json('many', '[["9007199254740993", 2]]')).toBe(9007199254740993n);
      expect(await json('float', '["NaN"]')).toBeNaN();
      expect(await json('float', '["-Infinity"]')).toBe(Number.NEGATIVE_INFINITY);
      expect(await json('float', '[12345678901234567890]')).toBe(Number('12345678901234567890'));
      expect(await json('order', '[1, {"items": [{"price": 1, "note": null}], "theId": "9007199254740993"}]')).toBe(1);
      for (const [name, text, message] of [
        [
          'u64',
          '[9007199254740993]',
          'argument 1: the number 9007199254740993 would lose digits; write it as a string, "9007199254740993"',
        ],
        [
          'many',
          '[[1, 9007199254740993]]',
          'argument 1, item [1]: the number 9007199254740993 would lose digits; write it as a string, "9007199254740993"',
        ],
        ['u64', '["18446744073709551616"]', 'argument 1: a u64 is expected, not 18446744073709551616n'],
        ['u64', '["1.0"]', 'argument 1: a u64 is expected, not "1.0"'],
        ['u32', '["1"]', 'argument 1: a u32 is expected, not "1"'],
        ['u32', '["NaN"]', 'argument 1: a u32 is expected, not "NaN"'],
        ['float', '[1e400]', 'argument 1: the number 1e400 is too large'],
        ['two', '[1]', 'argument 2 is missing: "t:t/api#two" takes 2 (a, b)'],
        ['two', '{"a": 1}', `the arguments are not a JSON array; write one array of all, as '[1, "two"]'`],
        ['two', '[1,', `the arguments are not JSON; write one array of all, as '[1, "two"]'`],
      ] as const) {
        await expect(json(name, text)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_ARGUMENT', message });
      }
    });
  });
});

import { format as nodeFormat, inspect as nodeInspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { format } from '../../src/guest/globals/format.ts';
import { inspect } from '../../src/guest/globals/inspect.ts';

class Point {
  x = 1;
  #secret = 2;
  get sum(): number {
    return this.x + this.#secret;
  }
}
class Weights extends Map<string, number> {
  unit = 'g';
}
class Titled {
  toString(): string {
    return 'a title';
  }
}
const circle: Record<string, unknown> = { name: 'circle', list: [] };
circle.self = circle;
(circle.list as unknown[]).push(circle, circle.list);
const stackOf = (head: string): string => `${head}\n    at walk (src/steps.ts:12:11)`;
const withStack = <E extends Error>(error: E): E => Object.assign(error, { stack: stackOf(String(error)) });

const VALUES: readonly unknown[] = [
  Object.assign(new Array(3), { 0: 1, 2: 3 }),
  new Array(3),
  [[[[1]]]],
  { a: { b: { c: { d: 1 } } } },
  [[], {}, [{}]],
  Array(200).fill(1),
  Array.from({ length: 30 }, (_, index) => `item number ${index}`),
  Array.from({ length: 101 }, (_, index) => index * 7),
  [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }, { id: 5 }, { id: 6 }, { id: 7 }],
  Object.assign([1, 2], { extra: 'x' }),
  { a: 1, 'b-c': [true, null, undefined], $d: 4, ['__proto__']: 5 },
  {
    get: 1,
    get both() {
      return 1;
    },
    set both(_: number) {},
    get one() {
      return 1;
    },
    set other(_: number) {},
  },
  { f() {}, g: () => {}, h: class {}, i: class Named extends Point {} },
  new Map([[{ key: 1 }, new Set([1, 'two', [3]])]]),
  new Map(Array.from({ length: 120 }, (_, index) => [index, String(index)])),
  new Weights([['a', 1]]),
  new Point(),
  Object.create(null),
  Object.assign(Object.create(null), { a: 1 }),
  Point,
  Weights,
  function named() {},
  () => {},
  Object.assign(() => {}, { extra: 1 }),
  new Uint8Array([1, 2, 3]),
  new Float64Array([1.5, -0]),
  [-0, 5n, Symbol('s'), Number.NaN, new Date(0), new Date(Number.NaN), /x/g],
  [new Number(3), new String('abc'), new Boolean(false), Object(1n)],
  ["it's", 'say "hi"', 'both \' and "', '`\'"', 'a\nb\t\\', '\x1b\x00\x7f\x85\ud800😀'],
  { long: 'line one\nline two\n'.repeat(5), words: 'x'.repeat(100) },
  { name: 'Ada Lovelace', born: 1815, tags: ['math', 'poetry', 'engines'], address: { city: 'London', zip: 'W1' } },
  new WeakMap(),
  circle,
  withStack(new RangeError('too far')),
  { failed: withStack(Object.assign(new Error('no'), { code: 'E_NO', details: { of: 3 } })) },
  withStack(new Error('outer', { cause: withStack(new TypeError('inner')) })),
  withStack(new AggregateError([1, 'two'], 'several')),
  '',
  'text',
  1,
  null,
  undefined,
  true,
  {},
  [],
];

describe('the console of a guest', () => {
  it.each(VALUES.map((value) => [nodeInspect(value).slice(0, 60), value] as const))(
    'shows %s as Node does',
    (_, value) => {
      expect(inspect(value)).toBe(nodeInspect(value));
    },
  );

  it('shows any value as Node does', () => {
    const arbitrary = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      withBoxedValues: true,
      maxDepth: 4,
    });
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(inspect(value)).toBe(nodeInspect(value));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['%s is %d of %j %%', 'a', '7', { b: 1 }, 'rest'],
    ['%s %s %s %s', -0, 5n, { a: { b: 1 } }, [1, [2]]],
    ['%s %s %s', new Titled(), { toString: () => 'own' }, new Point()],
    ['%s', circle.name, circle],
    ['%d %d %d %d', -0, 5n, 'abc', {}],
    ['%i %i %i %i', 42.9, '3x', 5n, 'x'],
    ['%f %f %f', '1.50', 'abc', 5n],
    ['%j', circle],
    ['%j %j', undefined, 'text'],
    ['%O', { a: { b: { c: { d: 1 } } } }],
    ['%c styled %x %', 'color: red', 1],
    ['%s %s', 'one'],
    ['100%%'],
    ['%s', Symbol('s'), 'a', { c: 1 }],
    ['a', 'b\n', ['c']],
    [],
    [1, '%s', 'x'],
  ])('formats %j as Node does', (...args) => {
    expect(format(args)).toBe(nodeFormat(...args));
  });

  it('never fails a turn because of what it shows', () => {
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no keys');
        },
      },
    );
    expect(format(['%s', { a: hostile }])).toContain('it cannot be shown: no keys');
  });
});

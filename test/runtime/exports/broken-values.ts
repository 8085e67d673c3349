import fc from 'fast-check';
import { isTagged, valuesOf, type WitType } from '../direct/wit-types.ts';

/** A value that its type does not take, and where in it that is. */
export interface Broken {
  readonly value: unknown;
  readonly place: string;
}

const INTEGERS: Readonly<Record<string, readonly [least: bigint, most: bigint]>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap((bits) => [
    [`u${bits}`, [0n, 2n ** BigInt(bits) - 1n]],
    [`s${bits}`, [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]],
  ]),
);

/** What no primitive takes; more for each. */
function badPrimitives(name: string): unknown[] {
  const always = [undefined, null, {}, [], Symbol('x'), () => 1];
  const range = INTEGERS[name];
  if (range !== undefined) {
    const beyond = [range[0] - 1n, range[1] + 1n];
    const wide = name.endsWith('64');
    return [
      ...always,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '1',
      true,
      ...(wide ? [...beyond, 2 ** 53, 2 ** 70] : [...beyond.map(Number), 1n]),
    ];
  }
  if (name === 'bool') return [...always, 0, 1, 'false'];
  if (name === 'char') return [...always, '', 'ab', '\ud800', 65, '\u{1f600}\u{1f600}'];
  if (name === 'string') return [...always, 1, true, 'a\ud800', '\udc00'];
  return [...always, '1', 1n, true];
}

const step = (outer: string, { value, place }: Broken, wrap: (value: unknown) => unknown): Broken => ({
  value: wrap(value),
  place: `${outer}${place}`,
});
const camel = (label: string): string => label.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

function whole(...values: unknown[]): fc.Arbitrary<Broken> {
  return fc.constantFrom(...values).map((value) => ({ value, place: '' }));
}

/** Values with exactly one thing wrong. */
export function brokenOf(type: WitType): fc.Arbitrary<Broken> {
  const inner = (part: WitType | null): fc.Arbitrary<Broken> | undefined =>
    part === null ? undefined : brokenOf(part);
  switch (type.kind) {
    case 'primitive':
      return whole(...badPrimitives(type.name));
    case 'list': {
      const { element } = type;
      const items = fc.tuple(
        fc.array(valuesOf(element), { maxLength: 3 }),
        brokenOf(element),
        fc.array(valuesOf(element), { maxLength: 2 }),
      );
      return fc.oneof(
        whole(undefined, null, 1, 'text', {}),
        items.map(([before, broken, after]) =>
          step(`[${before.length}]`, broken, (value) => [...before, value, ...after]),
        ),
      );
    }
    case 'option': {
      if (!isTagged(type)) return brokenOf(type.element).filter(({ value }) => value !== undefined && value !== null);
      const tags = fc.constantFrom('none ', undefined, 1, 'toString').map((tag) => ({ value: { tag }, place: '.tag' }));
      return fc.oneof(
        whole(1, 'none', []),
        tags,
        brokenOf(type.element).map((broken) => step('.val', broken, (val) => ({ tag: 'some', val }))),
      );
    }
    case 'tuple':
    case 'record': {
      const { elements, kind } = type;
      const key = (index: number): string => (kind === 'tuple' ? `[${index}]` : `.f${index}x`);
      const build = (values: readonly unknown[]): unknown =>
        kind === 'tuple' ? values : Object.fromEntries(values.map((value, index) => [`f${index}x`, value]));
      const bad =
        kind === 'tuple'
          ? [undefined, 1, {}, Array.from({ length: elements.length + 1 })]
          : [undefined, null, 1, [], 'text'];
      return fc.oneof(
        whole(...bad),
        fc
          .tuple(fc.nat(elements.length - 1), fc.tuple(...elements.map(valuesOf)))
          .chain(([at, values]) =>
            brokenOf(elements[at] as WitType).map((broken) =>
              step(key(at), broken, (value) => build(values.with(at, value))),
            ),
          ),
      );
    }
    case 'variant':
    case 'result': {
      const cases: readonly (readonly [string, WitType | null])[] =
        type.kind === 'result'
          ? [
              ['ok', type.ok],
              ['err', type.error],
            ]
          : type.cases.map((payload, index) => [`c-${index}x`, payload] as const);
      return fc.oneof(
        whole(undefined, null, 1, 'ok', []),
        fc.constantFrom('nope', undefined, 0, '__proto__').map((tag) => ({ value: { tag, val: 1 }, place: '.tag' })),
        ...cases.map(([tag, payload]) =>
          (inner(payload) ?? whole(0, '', {})).map((broken) => step('.val', broken, (val) => ({ tag, val }))),
        ),
      );
    }
    case 'enum':
      return whole('nope', undefined, null, 0, 'l0x', {});
    case 'flags':
      return fc.oneof(
        // Missing flags are refused in arguments and none in answers: tests by name say so.
        whole(1, 'l-0x', [], { nope: true }),
        fc.nat(type.count - 1).map((at) => ({ value: { [camel(`l-${at}x`)]: 1 }, place: `.${camel(`l-${at}x`)}` })),
      );
  }
}

/** How a message names a place: after the argument's number, or at its beginning. */
export const placed = (place: string): string =>
  place === '' ? '' : place.startsWith('[') ? `item ${place}` : `field ${place.slice(1)}`;

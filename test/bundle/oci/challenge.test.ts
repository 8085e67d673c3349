import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../src/bundle/oci/challenge.ts';

const plain = (header: string | undefined) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('challenges', () => {
  it.each<[string, unknown]>([
    ['Basic realm="a"', [['basic', { realm: 'a' }]]],
    ['basic', [['basic', {}]]],
    [
      'Negotiate, Basic realm="a"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'a' }],
      ],
    ],
    [
      'Negotiate YWJj==, Bearer realm="b"',
      [
        ['negotiate', {}],
        ['bearer', { realm: 'b' }],
      ],
    ],
    [
      'Bearer realm="https://auth/token",service="r, x",scope="repository:a/b:pull,push", Basic realm="c"',
      [
        ['bearer', { realm: 'https://auth/token', service: 'r, x', scope: 'repository:a/b:pull,push' }],
        ['basic', { realm: 'c' }],
      ],
    ],
    [
      'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
      [
        ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
        ['basic', { realm: 'simple' }],
      ],
    ],
    ['Bearer realm = "x" , service = y', [['bearer', { realm: 'x', service: 'y' }]]],
    ['Bearer realm=https://auth/token,service=x', [['bearer', { realm: 'https://auth/token', service: 'x' }]]],
    [', ,Basic realm="a",, ,', [['basic', { realm: 'a' }]]],
    ['Bearer realm="never ends', [['bearer', {}]]],
    ['realm="of nobody", Basic realm="a"', [['basic', { realm: 'a' }]]],
    ['Bearer REALM="a", realm="b"', [['bearer', { realm: 'a' }]]],
    ['"quoted", Basic realm="a"', [['basic', { realm: 'a' }]]],
    ['', []],
  ])('of %s are read', (header, expected) => {
    expect(plain(header)).toEqual(expected);
  });

  const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]{0,8}$/);
  const quoted = fc.string({ maxLength: 12 }).map((value) => value.replaceAll(/[^\x20-\x7e]/g, ''));
  const challenge = fc.record({
    scheme: token,
    token68: fc.option(fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,8}={0,2}$/)),
    parameters: fc.uniqueArray(fc.tuple(token, quoted, fc.boolean()), {
      maxLength: 4,
      selector: ([name]) => name.toLowerCase(),
    }),
  });
  const gap = fc.constantFrom('', ' ', '\t');

  it('come back from any header that the grammar allows, in their order', () => {
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), gap, gap, (challenges, before, after) => {
        const texts = challenges.map(({ scheme, token68, parameters }) => {
          if (token68 !== null) return `${scheme} ${token68}`;
          const texts = parameters.map(([name, value, bare]) => {
            const isToken = /^[A-Za-z0-9._-]+$/.test(value) && bare;
            return `${name}${before}=${after}${isToken ? value : `"${value.replaceAll(/["\\]/g, '\\$&')}"`}`;
          });
          return texts.length === 0 ? scheme : `${scheme} ${texts.join(`${before},${after}`)}`;
        });
        const expected = challenges.map(({ scheme, token68, parameters }) => [
          scheme.toLowerCase(),
          token68 === null ? Object.fromEntries(parameters.map(([name, value]) => [name.toLowerCase(), value])) : {},
        ]);
        expect(plain(texts.join(`${before},${after}`))).toEqual(expected);
      }),
    );
  });

  it.each([
    ['commas', ','],
    ['names', 'a '],
    ['equals', 'a='],
    ['quotes', '"'],
    ['credentials', 'a b/c=='],
    ['escapes', 'a b="\\'],
  ])('of a hostile header of many %s are read', (_, text) => {
    // A parser that takes the square of the header's length would take hours.
    parseChallenges(text.repeat(1_000_000));
  });
});

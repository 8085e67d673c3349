import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shownData } from '#core/text';

describe('data as messages show it', () => {
  it.each([
    ['text', 'a"b', '"a\\"b"'],
    ['a bigint', 2n ** 63n, '9223372036854775808'],
    ['nothing', undefined, 'undefined'],
    ['bytes', new Uint8Array([1, 2]), '[1,2]'],
    ['a variant', { tag: 'err', val: undefined }, '{"tag":"err"}'],
    ['a record', { a: [1, true], b: { c: null } }, '{"a":[1,true],"b":{"c":null}}'],
  ])('is like JSON for %s', (_, value, text) => {
    expect(shownData(value, 1_000)).toBe(text);
  });

  it('is as JSON has it where it is short', () => {
    const json = fc.jsonValue({ maxDepth: 5 }).filter((value) => !Object.is(value, -0));
    fc.assert(
      fc.property(json, (value) => {
        expect(shownData(value, 10_000)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('is never longer than it may be', () => {
    fc.assert(
      fc.property(fc.anything({ withTypedArray: true, withBigInt: true }), fc.nat(50), (value, most) => {
        expect(shownData(value, most).length).toBeLessThanOrEqual(most + 1);
      }),
    );
  });

  it('reads no more of a list than it shows', () => {
    let read = 0;
    const list = new Proxy([] as unknown[], {
      get: (_, key) => {
        if (key === 'length') return 30_000_000;
        read += 1;
        return 7;
      },
    });
    expect(shownData(list, 100)).toMatch(/^\[7,7,.*…$/);
    expect(read).toBeLessThan(100);
  });
});

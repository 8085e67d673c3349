import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedJson } from '#core/text';

describe('boundedJson', () => {
  it('writes plain data as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(boundedJson(value, 1_000_000) as string)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('writes a text if and only if it fits', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat({ max: 100 }), (value, most) => {
        const { length } = boundedJson(value, 1_000_000) as string;
        expect(boundedJson(value, most)?.length).toBe(length <= most ? length : undefined);
      }),
    );
  });

  it('writes values of components that JSON has no words for', () => {
    const value = { big: 2n ** 64n - 1n, bytes: new Uint8Array([1, 2]), sum: Number.NaN, far: -1 / 0, none: undefined };
    expect(boundedJson(value, 1_000)).toBe(
      '{"big":"18446744073709551615","bytes":[1,2],"sum":"NaN","far":"-Infinity"}',
    );
    expect(boundedJson([undefined, null], 100)).toBe('[null,null]');
  });

  it('reads no more of a large value than it may write', () => {
    let read = 0;
    const list = new Proxy([] as unknown[], {
      get: (target, name) => {
        if (name === 'length') return 1e9;
        read++;
        return Reflect.get(target, name);
      },
    });
    expect(boundedJson(list, 1_000)).toBeUndefined();
    expect(read).toBeLessThan(1_100);
  });

  it('refuses a value that nests deeper than the stack', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 200_000; level++) deep = [deep];
    expect(boundedJson(deep, 1_000_000)).toBeUndefined();
  });

  it('calls no method of a value', () => {
    const value = { toJSON: () => expect.fail('was called'), text: 'a' };
    expect(boundedJson(value, 100)).toBe('{"text":"a"}');
  });
});

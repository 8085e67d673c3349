import { inspect as nodeInspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { format, inspect } from '../../src/guest/globals/inspect.ts';
import { Utf8Decoder } from '../../src/guest/globals/utf8-decoder.ts';

const own = { structuredClone, Headers };
await import('../../src/guest/globals/structured-clone.ts');
await import('../../src/guest/globals/headers.ts');
const guest = { structuredClone: globalThis.structuredClone, Headers: globalThis.Headers };
Object.assign(globalThis, own);

const bytes = fc.array(
  fc.oneof(fc.constantFrom(0xed, 0xf0, 0xf4, 0xe0, 0xc0, 0x80, 0x9f, 0xbf, 0xef, 0xbb), fc.nat(255)),
  {
    maxLength: 24,
  },
);

describe('what a guest has of the web, compared with Node', () => {
  it('decodes UTF-8, in parts and whole, malformed or not', () => {
    fc.assert(
      fc.property(bytes, fc.nat(24), fc.boolean(), (all, at, ignoreBOM) => {
        const [first, second] = [Uint8Array.from(all.slice(0, at)), Uint8Array.from(all.slice(at))];
        const node = new TextDecoder('utf-8', { ignoreBOM });
        const decoder = new Utf8Decoder(false, ignoreBOM);
        expect(decoder.decode(first, true) + decoder.decode(second, false)).toBe(
          node.decode(first, { stream: true }) + node.decode(second),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('clones what Node clones, and refuses what Node refuses', () => {
    const arbitrary = fc.anything({
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withBigInt: true,
    });
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(guest.structuredClone(value)).toEqual(own.structuredClone(value));
      }),
      { numRuns: 300 },
    );
    const circle: Record<string, unknown> = { error: new TypeError('x', { cause: /a/g }), twice: new ArrayBuffer(2) };
    circle.self = circle;
    circle.view = new Uint16Array(circle.twice as ArrayBuffer);
    const copy = guest.structuredClone(circle) as typeof circle;
    expect(copy).toEqual(own.structuredClone(circle));
    expect((copy.view as Uint16Array).buffer).toBe(copy.twice);
    for (const value of [() => {}, Symbol('s'), { deep: [Promise.resolve()] }]) {
      expect(() => guest.structuredClone(value)).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
    }
  });

  it('keeps headers as Node does', () => {
    const name = fc.constantFrom('A', 'a', 'b-c', 'Set-Cookie', 'x');
    const pairs = fc.array(fc.tuple(name, fc.string({ unit: 'grapheme-ascii', maxLength: 8 })), { maxLength: 8 });
    fc.assert(
      fc.property(pairs, name, (given, removed) => {
        const [mine, theirs] = [new guest.Headers(given), new own.Headers(given)];
        expect([...mine]).toEqual([...theirs]);
        for (const each of [mine, theirs]) each.delete(removed);
        expect([...mine.keys()]).toEqual([...theirs.keys()]);
        expect(mine.get('a')).toBe(theirs.get('a'));
      }),
    );
    expect(() => new guest.Headers([['a b', 'x']])).toThrow(TypeError);
    expect(() => new guest.Headers([['a', 'x\ny']])).toThrow(TypeError);
  });

  it('shows values so that a developer can read them', () => {
    class Point {
      x = 1;
      #secret = 2;
      get sum(): number {
        return this.x + this.#secret;
      }
    }
    const circle: unknown[] = [];
    circle.push(circle);
    const values = [
      { a: 1, 'b-c': [true, null, undefined] },
      new Map([['k', new Set([1, 'two'])]]),
      new Point(),
      -0,
      5n,
      'text',
      [],
      {},
      Symbol('s'),
      function named() {},
      new Date(0),
      /x/g,
    ];
    for (const value of values)
      expect(inspect(value).replace(/\[(\S[^[\]]*)\]/g, '[ $1 ]')).toBe(
        nodeInspect(value).replace(/\[(\S[^[\]]*)\]/g, '[ $1 ]'),
      );
    expect(inspect(circle)).toBe('[[Circular]]');
    expect(inspect(new Array(500).fill(0))).toContain('... 400 more');
    expect(format(['%s is %d of %j %%', 'a', '7', { b: 1 }, 'rest'])).toBe('a is 7 of {"b":1} % rest');
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(typeof inspect(value)).toBe('string');
      }),
    );
  });
});

import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { type ForeignTextBounds, parseForeignJson, parseForeignToml } from '#core/text';

const WIDE: ForeignTextBounds = { maxLength: 512 * 2 ** 20, maxDepth: 1_000, maxItems: 1_000_000 };

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** Lists, objects, and what follows a comma. */
function itemsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value);
  return 1 + Math.max(0, inside.length - 1) + inside.reduce<number>((sum, item) => sum + itemsOf(item), 0);
}

const outcome = (run: () => unknown): unknown => {
  try {
    return { value: run() };
  } catch (error) {
    return (error as Error).name;
  }
};

describe('JSON from outside', () => {
  it('is read as JSON.parse reads it, as text and as bytes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(parseForeignJson(text, WIDE)).toEqual(JSON.parse(text));
        expect(parseForeignJson(Buffer.from(text.toWellFormed()), WIDE)).toEqual(JSON.parse(text.toWellFormed()));
      }),
    );
  });

  it('is refused exactly where it is deeper, or holds more, than the bounds say', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(5), fc.nat(12), (value, maxDepth, maxItems) => {
        // Longer than the bounds, so that they are looked at.
        const text = JSON.stringify(value).padEnd(20);
        const isWithin = depthOf(value) <= maxDepth && itemsOf(value) <= maxItems;
        for (const given of [text, Buffer.from(text)]) {
          const read = outcome(() => parseForeignJson(given, { maxLength: text.length * 3, maxDepth, maxItems }));
          expect(read).toEqual(isWithin ? { value: JSON.parse(text) } : 'RangeError');
        }
      }),
    );
  });

  it('that is no JSON is refused as JSON.parse refuses it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^["\\[\]{},:a1 ]{0,40}$/), (text) => {
        expect(outcome(() => parseForeignJson(text, WIDE))).toEqual(outcome(() => JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['opened lists', '['],
    ['opened objects', '{"a":'],
    ['empty lists', '[],'],
    ['numbers', '1,'],
  ])('makes nothing of 200 MB of %s', (_, piece) => {
    const bytes = Buffer.alloc(200 * 2 ** 20, piece);
    bytes[0] = 0x5b;
    expect(() => parseForeignJson(bytes, WIDE)).toThrow(/^it (nests deeper|holds more)/);
  });

  it('looks at each character of a string once, however many backslashes and quotes are in it', () => {
    const text = JSON.stringify(`${'\\'.repeat(2 ** 20)}${'"'.repeat(2 ** 20)}`);
    expect(parseForeignJson(text, WIDE)).toHaveLength(2 ** 21);
  });

  it('is refused by its length alone', () => {
    expect(() => parseForeignJson('"ab"', { maxLength: 3 })).toThrow(
      new RangeError('it is 4 characters long, more than 3'),
    );
  });

  it('is UTF-8 and has no byte order mark', () => {
    expect(() => parseForeignJson(Buffer.from('"\xff"', 'latin1'), WIDE)).toThrow(TypeError);
    expect(() => parseForeignJson(Buffer.from('\ufeff1'), WIDE)).toThrow(SyntaxError);
  });
});

describe('TOML from outside', () => {
  const read = (text: string, bounds: Partial<ForeignTextBounds> = {}): unknown =>
    parseForeignToml(text, { ...WIDE, ...bounds }, parse);

  it('is read as its parser reads it', () => {
    const text = `a = "x.y.z # [["\nb = '''\n[[[[ , = .\n'''\nc = """\\"""" \n[t] # a.b.c = [\nd = { e = [1, 2.5] }\n`;
    expect(read(text, { maxItems: 10 })).toEqual(parse(text));
    expect(() => read(text, { maxItems: 9 })).toThrow(/more than 9 values/);
  });

  it.each([
    ['tables', '[a]\n'],
    ['tables of one list', '[[a]]\n'],
    ['items of a list', ',1'],
    ['keys', 'a=1\n'],
    ['lists behind the end of a long string', 'a = ["""\n""", ,,,,,,,\n'],
  ])('is refused for a million %s, before anything is made of them', (_, piece) => {
    const parsed: string[] = [];
    const spy = (text: string): void => void parsed.push(text);
    expect(() => parseForeignToml(piece.repeat(1_000_001), WIDE, spy)).toThrow(/more than 1000000 values/);
    expect(parsed).toEqual([]);
  });

  it('is refused for a key of many dots, and not for dots in strings and comments', () => {
    expect(() => read(`${'a.'.repeat(30)}a = 1`)).toThrow(/many dots/);
    expect(read(`a = "${'.'.repeat(100)}" # ${'.'.repeat(100)}`)).toEqual({ a: '.'.repeat(100) });
  });

  it('has the depth that its parser is told', () => {
    expect(() => read(`a = ${'['.repeat(9)}${']'.repeat(9)}`, { maxDepth: 8 })).toThrow();
    expect(read(`a = ${'['.repeat(6)}${']'.repeat(6)}`, { maxDepth: 8 })).toBeDefined();
  });
});

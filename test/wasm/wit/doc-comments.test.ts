import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocComments, docCommentsSection, readComponent } from '#wasm';

const PREAMBLE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
const carrying = (section: Uint8Array): DocComments =>
  DocComments.of(readComponent(Buffer.concat([PREAMBLE, section])));

/** A custom section with any contents, of which both lengths are below 16,384. */
function section(name: string, contents: Uint8Array | string): Uint8Array {
  const bytes = Buffer.from(contents);
  const length = 1 + name.length + bytes.length;
  return Buffer.concat([Uint8Array.of(0, (length & 0x7f) | 0x80, length >> 7, name.length), Buffer.from(name), bytes]);
}

const WIT = `// no doc comment
/// The package.
package acme:shop@1.2.0-rc.1;

/** Prices
  * of things. */
interface prices {
  /// A price.
  /// In cents.
  record price { /// How much.
    amount: u64, currency: string }
  /// Kinds.
  variant kind { /// A gift.
    gift, sold(price) }
  flags %flags { /// Red.
    red, green, }
  /// A basket.
  resource basket {
    /// Makes one.
    constructor(size: u32);
    /// Adds.
    add: func(what: list<tuple<u8, result<u8, string>>>);
    /// Joins.
    join: static func(a: basket, b: basket) -> basket;
  }
  use other.{thing};
  /// Finds one.
  @since(version = 1.0.0)
  find: func(name: string) -> option<price>;
  /* plain /* nested */ */
  quiet: func();
}

world shop {
  /// An import.
  import log: func(text: string);
  export prices;
  /// Starts.
  export start: async func();
  /// Tools of our own.
  export my-tools: interface {
    /// Cuts.
    cut: func();
  }
  include wasi:cli/imports@0.2.0 with { a as b };
}
/// Not ours.
package acme:other { interface prices { /// Wrong.
  find: func(); } }
`;

describe('comments of WIT', () => {
  for (const [from, comments] of [
    ['the text', DocComments.ofWit([WIT])],
    ['a component that carries them', carrying(docCommentsSection([WIT]))],
  ] as const) {
    it(`are found for functions and types in ${from}`, () => {
      const prices = 'acme:shop/prices@1.2.0-rc.1';
      expect(comments.ofFunction(prices, 'find')).toBe('Finds one.');
      expect(comments.ofFunction(prices, '[constructor]basket')).toBe('Makes one.');
      expect(comments.ofFunction(prices, '[method]basket.add')).toBe('Adds.');
      expect(comments.ofFunction(prices, '[static]basket.join')).toBe('Joins.');
      expect(comments.ofFunction(prices, 'quiet')).toBeUndefined();
      expect(comments.ofFunction(undefined, 'start')).toBe('Starts.');
      expect(comments.ofFunction(undefined, 'log')).toBe('An import.');
      expect(comments.ofInterface(prices)).toBe('Prices\nof things.');
      expect(comments.ofFunction('my-tools', 'cut')).toBe('Cuts.');
      expect(comments.ofFunction('acme:shop/prices@9.0.0', 'find')).toBeUndefined();
      expect(comments.ofType(prices, 'price')).toEqual({
        docs: 'A price.\nIn cents.',
        items: new Map([['amount', 'How much.']]),
      });
      expect(comments.ofType(prices, 'kind')?.items).toEqual(new Map([['gift', 'A gift.']]));
      expect(comments.ofType(prices, 'flags')?.items).toEqual(new Map([['red', 'Red.']]));
      expect(comments.ofType(prices, 'basket')?.docs).toBe('A basket.');
    });
  }

  it('are read from sections of wasm-tools of both versions, with and without the name of the package', () => {
    const old = carrying(section('package-docs', '\0{"interfaces":{"a":{"funcs":{"f":"Old."}}}}'));
    expect(old.ofFunction('x:y/a@1.0.0', 'f')).toBe('Old.');
    const json = '{"package":"x:y@1.0.0","interfaces":{"a":{"funcs":{"f":{"docs":"New.","stability":"unknown"}}}}}';
    const recent = carrying(section('package-docs', `\u0001${json}`));
    expect(recent.ofFunction('x:y/a@1.0.0', 'f')).toBe('New.');
    expect(recent.ofFunction('x:y/a@2.0.0', 'f')).toBeUndefined();
  });

  it.each([
    ['of another version', '\u0002{"worlds":{"w":{"func_exports":{"f":{"docs":"x"}}}}}'],
    ['that is no JSON', '\u0001{'],
    ['that is no UTF-8', Uint8Array.of(1, 0xff)],
    ['that nests deeply', `\u0001${'['.repeat(1_000)}`],
    ['of other shapes', '\u0001{"worlds":[1],"interfaces":{"a":null,"b":{"funcs":7,"types":{"t":{"items":[1]}}}}}'],
    ['that is empty', ''],
  ])('count as none in a section %s', (_, contents) => {
    const comments = carrying(section('package-docs', contents));
    expect(comments.ofFunction(undefined, 'f')).toBeUndefined();
    expect(comments.ofType('a', 't')).toBeUndefined();
  });

  it('cannot take the place of what every object has', () => {
    const text = 'world w { /// P.\n export __proto__: func(); /// C.\n export constructor: func(); }';
    const comments = DocComments.ofWit([text]);
    expect(comments.ofFunction(undefined, '__proto__')).toBe('P.');
    expect(comments.ofFunction(undefined, 'constructor')).toBe('C.');
    expect(comments.ofFunction(undefined, 'toString')).toBeUndefined();
    expect(({} as Record<string, unknown>).docs).toBeUndefined();
  });

  it('are cut, one by one and in all', () => {
    const functions = Array.from({ length: 200 }, (_, at) => `/// ${'x'.repeat(5_000)}\n export f${at}: func();`);
    const comments = DocComments.ofWit([`world w { ${functions.join('\n')} }`]);
    const lengths = functions.map((_, at) => comments.ofFunction(undefined, `f${at}`)?.length ?? 0);
    expect(lengths[0]).toBe(4_096);
    expect(lengths.reduce((all, each) => all + each, 0)).toBe(256 * 1_024);
  });

  it('are looked for in any text without an error', () => {
    const piece = fc.constantFrom(
      ...[
        'package',
        'a:b',
        'interface',
        'world',
        'export',
        'record',
        'resource',
        'func',
        '///',
        '/**',
        '/*',
        '*/',
        '@',
      ],
      ...['{', '}', '(', ')', '<', '>', ':', ';', ',', '=', 'x', '\n', ' ', '"', '%a', '->'],
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 60 }), (pieces) => {
        DocComments.ofWit([pieces.join(' '), pieces.join('')]);
      }),
      { numRuns: 500 },
    );
  });

  it.each(['/*', '/**', '///', '{', '@', 'resource', 'a:', 'export x: interface {'])(
    // A scan of quadratic time would take hours.
    'are looked for in a megabyte of %s in one pass',
    (piece) => {
      const comments = DocComments.ofWit([piece.repeat(1_000_000 / piece.length)]);
      expect(comments.ofFunction(undefined, 'f')).toBeUndefined();
    },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readWitDocs } from '../../../src/runtime/declarations/index.ts';

const TEXT = `
/// Of the package, which no declaration is.
package acme:shop@1.2.0;

/// Things.
/// On two lines.
@since(version = 1.0.0)
interface types {
  use other.{one, two};
  /// A price. // no end
  record price {
    /// How much.
    amount: u64,
    currency: option<string>, /// Of the next field.
    %from: string,
  }
  /** A
   * block. */
  variant shape { circle(f64), /// Rectangles.
    rect(tuple<u32, list<f32>>) }
  type id = u64; // not a doc
  /// Names it.
  type name = string;
  // a comment { with braces; }
  /* and /* a nested */ one */
  /// A cart.
  resource cart {
    /// Makes one.
    constructor(size: u32, flags: option<borrow<cart>>);
    /// Adds.
    add-up: func(by: u32) -> result<u32, shape>;
    /// Joins.
    merge: static func(a: cart) -> cart;
  }
  resource bare;
  /// Paints.
  paint: func(c: shape);
  plain: func();
}
/// A world.
world guest {
  /// A mention documents nothing.
  import types;
  include other with { a as b }
  /// Logs.
  import log: func(text: string);
  export inline-one: interface {
    /// Inside.
    f: func();
  }
  /// Runs.
  export run-all: func() -> result<_, string>;
}
package acme:dep@0.1.0 {
  interface far {
    /// Far away.
    go: func();
  }
}`;

describe('doc comments of WIT', () => {
  const docs = readWitDocs(TEXT);
  const TYPES = 'acme:shop/types@1.2.0';

  it.each([
    [[TYPES], 'Things.\nOn two lines.'],
    [[TYPES, 'price'], 'A price. // no end'],
    [[TYPES, 'price', 'amount'], 'How much.'],
    [[TYPES, 'price', 'currency'], undefined],
    [[TYPES, 'price', 'from'], 'Of the next field.'],
    [[TYPES, 'shape'], 'A\nblock.'],
    [[TYPES, 'shape', 'circle'], undefined],
    [[TYPES, 'shape', 'rect'], 'Rectangles.'],
    [[TYPES, 'id'], undefined],
    [[TYPES, 'name'], 'Names it.'],
    [[TYPES, 'cart'], 'A cart.'],
    [[TYPES, 'cart', 'constructor'], 'Makes one.'],
    [[TYPES, 'cart', 'add-up'], 'Adds.'],
    [[TYPES, 'cart', 'merge'], 'Joins.'],
    [[TYPES, 'paint'], 'Paints.'],
    [[TYPES, 'plain'], undefined],
    [['', 'log'], 'Logs.'],
    [['', 'run-all'], 'Runs.'],
    [['inline-one', 'f'], 'Inside.'],
    [['acme:dep/far@0.1.0', 'go'], 'Far away.'],
  ] as const)('%j is %j', ([owner, item, member], doc) => {
    expect(docs.of(owner, item, member)).toBe(doc);
  });

  it('are read from any text, in a time that its length bounds', () => {
    const piece = fc.constantFrom(
      '/*',
      '*/',
      '///',
      '//',
      '{',
      '}',
      '(',
      '<',
      '>',
      ';',
      ',',
      ':',
      '@',
      'use',
      'interface',
      'world',
      'record',
      'a',
      '\n',
      ' ',
      '%',
      '->',
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(piece, fc.string()), { maxLength: 200 }),
        (pieces) => void readWitDocs(pieces.join('')),
      ),
    );
    for (const hostile of ['/*', '(', '{', 'a,', '/** *', '}', '< ', '-']) readWitDocs(hostile.repeat(100_000));
  });
});

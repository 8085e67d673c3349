import { describe, expect, it } from 'vitest';
import { WitDocs } from '../../../src/runtime/declarations/wit-docs.ts';
import { DocComments } from '../../../src/wasm/index.ts';

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
  /// Of a world.
  resource door {
    /// Opens.
    open: func();
  }
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
  const docs = new WitDocs(DocComments.ofWit([TEXT]));
  const TYPES = 'acme:shop/types@1.2.0';

  it('are found of interfaces, and not where one is only mentioned', () => {
    expect(docs.ofInterface(TYPES)).toBe(`${TYPES}\n\nThings.\nOn two lines.`);
    expect(docs.ofInterface('inline-one')).toBe('inline-one');
    expect(docs.ofInterface('acme:dep/far@0.1.0')).toBe('acme:dep/far@0.1.0');
  });

  it.each([
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
    [['', 'door'], 'Of a world.'],
    [['', 'door', 'open'], 'Opens.'],
    [['inline-one', 'f'], 'Inside.'],
    [['acme:dep/far@0.1.0', 'go'], 'Far away.'],
    [['acme:dep/far@0.1.0', 'cart', 'constructor'], undefined],
  ] as const)('%j is %j', ([owner, item, member], doc) => {
    expect(docs.of(owner, item, member)).toBe(doc);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toolNames } from '../../../src/server/mcp/tool-names.ts';

const component = 'demo/shop/1';
const names = (...functions: readonly string[]): readonly string[] =>
  toolNames(functions.map((name) => ({ component, name })));

describe('names of tools', () => {
  it('are the names of the functions where these differ', () => {
    expect(names('add-one', 'acme:web/client@1.2.0#get', '[static]cart.merge')).toEqual([
      'add-one',
      'get',
      'cart_merge',
    ]);
  });

  it('begin with interface, package and component where functions have the same name', () => {
    expect(names('get', 'a:b/one#get', 'a:b/two#get')).toEqual(['get', 'one_get', 'two_get']);
    expect(names('a:b/one@1.0.0#get', 'c:d/one#get')).toEqual(['a_b_one_get', 'c_d_one_get']);
    const two = ['demo/shop/1', 'demo/cart/1'].map((id) => ({ component: id, name: 'get' }));
    expect(toolNames(two)).toEqual(['shop_get', 'cart_get']);
    const same = ['demo/shop/1', 'demo/shop/2'].map((id) => ({ component: id, name: 'get' }));
    expect(toolNames(same)).toEqual(['demo_shop_1_get', 'demo_shop_2_get']);
  });

  it('are accepted by every client and differ, whatever the functions are called', () => {
    const label = fc.oneof(fc.constantFrom('a', 'get', 'a-b', 'a_b', 'x'.repeat(90)), fc.string({ maxLength: 80 }));
    const one = fc.record({
      component: fc.constantFrom('d/a/1', 'd/a/2', 'd/b/1', 'e/a/1'),
      name: fc.oneof(
        label,
        fc.tuple(label, label).map(([owner, member]) => `${owner}#${member}`),
      ),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 30 }), (functions) => {
        const found = toolNames(functions);
        expect(found.length).toBe(functions.length);
        expect(new Set(found).size).toBe(found.length);
        for (const name of found) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      }),
      { numRuns: 500 },
    );
  });
});

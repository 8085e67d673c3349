import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Tokens } from '../../../src/runtime/execution/tokens.ts';

it('tokens of suspended stacks lead each to its own, in any order, and are used again', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 60 }), (picks) => {
      const tokens = new Tokens<object>();
      const held: { readonly token: number; readonly thing: object }[] = [];
      let most = 0;
      for (const pick of picks) {
        if (pick % 2 === 0 || held.length === 0) {
          const thing = {};
          held.push({ token: tokens.give(thing), thing });
        } else {
          const [taken] = held.splice(pick % held.length, 1);
          expect(tokens.take(taken?.token as number)).toBe(taken?.thing);
          expect(() => tokens.take(taken?.token as number)).toThrow('no suspended stack');
        }
        most = Math.max(most, held.length);
        expect(Math.max(-1, ...held.map(({ token }) => token))).toBeLessThan(most);
      }
      expect(new Set(held.map(({ token }) => token)).size).toBe(held.length);
    }),
  );
});

// Calls under way are in chains: as a set would keep them, whatever comes and goes.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Chain, type Linked } from '../../../src/core/queue/index.ts';

class Each implements Linked<Each> {
  before: Each | undefined = undefined;
  behind: Each | undefined = undefined;
}

const step = fc.record({ what: fc.constantFrom('add', 'delete', 'delete', 'clear' as const), index: fc.nat(7) });

it('a chain has what a set would have, in the same order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const all = Array.from({ length: 8 }, () => new Each());
      const [chain, set] = [new Chain<Each>(), new Set<Each>()];
      for (const { what, index } of steps) {
        const each = all[index] as Each;
        if (what === 'clear') for (const list of [chain, set]) list.clear();
        else if (what === 'delete') for (const list of [chain, set]) list.delete(each);
        else if (!set.has(each)) for (const list of [chain, set]) list.add(each);
        expect([...chain]).toEqual([...set]);
        expect(chain.size).toBe(set.size);
        expect(all.map((one) => chain.has(one))).toEqual(all.map((one) => set.has(one)));
        expect(chain.find((one) => one !== all[0])).toBe([...set].find((one) => one !== all[0]));
      }
    }),
  );
});

it('a chain may change while it is iterated over, which goes over what was in it', () => {
  const [first, second, third] = [new Each(), new Each(), new Each()];
  const chain = new Chain<Each>();
  for (const each of [first, second, third]) chain.add(each);
  const seen: Each[] = [];
  for (const each of chain) {
    seen.push(each);
    chain.delete(each);
    chain.delete(second);
  }
  expect(seen).toEqual([first, second, third]);
  expect(chain.size).toBe(0);
});

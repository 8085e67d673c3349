import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RoundEnd } from '#core/event-loop';

describe('the end of a round', () => {
  it('does each thing once and in order, when the loop comes to it or somebody does it before, and plans no turn twice', () => {
    const step = fc.constantFrom('add', 'run', 'turn', 'add while it runs');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const planned: (() => void)[] = [];
        const end = new RoundEnd((task) => void planned.push(task));
        const done: number[] = [];
        let added = 0;
        const add = (then?: () => void): void => {
          const number = added++;
          end.add({
            atRoundEnd() {
              done.push(number);
              then?.();
            },
          });
        };
        const all = (): number[] => Array.from({ length: added }, (_, index) => index);
        for (const each of steps) {
          if (each === 'add') add();
          else if (each === 'add while it runs') add(() => add());
          else if (each === 'run') {
            const before = all();
            end.run();
            expect(done).toEqual(before);
          } else planned.shift()?.();
          expect(planned.length).toBeLessThanOrEqual(1);
          // Whatever is left has a turn that comes.
          if (done.length < added) expect(planned).toHaveLength(1);
        }
        while (planned.length > 0) planned.shift()?.();
        expect(done).toEqual(all());
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Denial, foldDenials } from '#security/authority';
import { TestClock } from '../../src/testing/clock.ts';

const denial = (target: string, component = 'demo/a/1'): Denial => ({
  component,
  area: 'storage',
  action: 'write',
  target,
  grant: `storage:write:${target}`,
});

function scene(maxDistinct?: number) {
  const clock = new TestClock();
  const told: Denial[] = [];
  const denials = foldDenials((each) => void told.push(each), { clock, maxDistinct });
  return { clock, told, denials };
}

describe('denials', () => {
  it('are told at once the first time, and counted until the window ends', () => {
    const { clock, told, denials } = scene();
    for (let i = 0; i < 1_000_000; i++) denials.tell(denial('k'));
    expect(told).toEqual([denial('k')]);
    clock.advance(9_999);
    expect(told).toHaveLength(1);
    clock.advance(1);
    expect(told).toEqual([denial('k'), { ...denial('k'), count: 999_999 }]);
    denials.tell(denial('k'));
    expect(told.at(-1)).toEqual(denial('k'));
    clock.advance(10_000);
    expect(told).toHaveLength(3);
  });

  it('of ever new targets are counted together, and the last is shown', () => {
    const { clock, told, denials } = scene(20);
    for (let i = 0; i < 10_000; i++) denials.tell(denial(`k${i}`));
    denials.tell(denial('k', 'demo/b/1'));
    clock.advance(10_000);
    expect(told).toHaveLength(20 + 1 + 1);
    expect(told.at(-1)).toEqual({ ...denial('k9999'), count: 9_980, further: true });
  });

  it('are all told of at the end, none twice, and few of one component', () => {
    const step = fc.oneof(
      fc.record({ component: fc.constantFrom('demo/a/1', 'demo/b/1'), target: fc.nat(8).map(String) }),
      fc.nat(15_000),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { clock, told, denials } = scene(3);
        for (const one of steps) {
          if (typeof one === 'number') clock.advance(one);
          else denials.tell(denial(one.target, one.component));
        }
        denials.end();
        const tried = steps.filter((one) => typeof one !== 'number');
        for (const component of ['demo/a/1', 'demo/b/1']) {
          const mine = told.filter((each) => each.component === component);
          const total = mine.reduce((sum, { count = 1 }) => sum + count, 0);
          expect(total).toBe(tried.filter((one) => one.component === component).length);
        }
        const windows =
          2 + Math.floor(steps.reduce<number>((ms, one) => ms + (typeof one === 'number' ? one : 0), 0) / 10_000);
        expect(told.length).toBeLessThanOrEqual(2 * (2 * 3 + 1) * windows);
        const before = told.length;
        clock.advance(100_000);
        expect(told).toHaveLength(before);
      }),
    );
  });
});

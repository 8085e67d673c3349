import { describe, expect, it } from 'vitest';
import { Settling } from '../../src/cli/terminal/settling.ts';
import { TestClock } from '../../src/testing/clock.ts';

function scene() {
  const clock = new TestClock();
  const acted: string[] = [];
  return { clock, acted, settling: new Settling<string>(clock, (thing, name) => void acted.push(`${thing}: ${name}`)) };
}

describe('changes', () => {
  it('are acted on once their thing has settled, by the name that changed last', () => {
    const { clock, acted, settling } = scene();
    settling.changed('one', 'a.ts');
    clock.advance(30);
    settling.changed('one', 'b.ts');
    settling.changed('two', 'c.ts');
    clock.advance(49);
    expect(acted).toEqual([]);
    clock.advance(1);
    expect(acted).toEqual(['one: b.ts', 'two: c.ts']);
    clock.advance(1_000);
    expect(acted).toHaveLength(2);
  });

  it('are forgotten when their observer goes', () => {
    const { clock, acted, settling } = scene();
    settling.changed('one', 'a.ts');
    settling[Symbol.dispose]();
    clock.advance(1_000);
    expect(acted).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sleeps } from '#core/waiting';
import { TestClock } from '../../src/testing/clock.ts';

const never = (): AbortSignal => new AbortController().signal;

describe('sleeps', () => {
  it('end at their time, or at once where they are dropped, each once', () => {
    const sleep = fc.record({ after: fc.nat(100), ms: fc.nat(500), dropAt: fc.option(fc.nat(700)) });
    fc.assert(
      fc.property(fc.array(sleep, { maxLength: 20 }), (all) => {
        const clock = new TestClock();
        const sleeps = new Sleeps(clock);
        const ends = all.map(() => [] as number[]);
        const due: number[] = [];
        all.forEach(({ after, ms, dropAt }, index) => {
          clock.advance(after);
          const later = sleeps.begin(ms, never);
          const ended = (): void => void ends[index]?.push(clock.monotonic());
          later.listen({ laterAnswered: ended, laterFailed: ended });
          const began = clock.monotonic();
          due.push(began + Math.min(Math.max(1, ms), dropAt ?? Number.POSITIVE_INFINITY));
          if (dropAt !== null) clock.after(dropAt, () => later.drop());
        });
        clock.advance(2_000);
        ends.forEach((ended, index) => {
          expect(ended).toHaveLength(1);
          expect(Math.abs((ended[0] as number) - (due[index] as number))).toBeLessThanOrEqual(1);
        });
        expect(clock.nextTimer).toBeUndefined();
      }),
    );
  });

  it('end with the signal where somebody awaits them', async () => {
    const sleeps = new Sleeps(new TestClock());
    const ending = new AbortController();
    const before = sleeps.begin(1_000, () => ending.signal).then(() => 'over');
    ending.abort();
    const behind = sleeps.begin(1_000, () => ending.signal).then(() => 'over');
    expect(await Promise.all([before, behind])).toEqual(['over', 'over']);
  });
});

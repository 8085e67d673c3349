import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modulePlan } from '../../tools/metering/generator/index.ts';
import { MeteredDriver, meter } from '../../tools/metering/harness/metered.ts';
import { endsRun, type Observation, plainly } from '../../tools/metering/harness/observe.ts';
import { observePair, type Pair, pairOf } from '../../tools/metering/harness/pair.ts';
import { runs } from '../support/runs.ts';

describe('two modules on one tank', () => {
  it('do together what the plain ones do', () => {
    fc.assert(
      fc.property(modulePlan(), modulePlan(), (first, second) => {
        const pair = pairOf(first, second);
        const { costs: _, ...metered } = observeMetered(pair);
        expect(metered).toEqual(observePair(pair, [pair.lender.bytes, pair.borrower.bytes], plainly));
      }),
      runs(300),
    );
  });

  it('draw on one budget, exactly', () => {
    fc.assert(
      fc.property(modulePlan(), modulePlan(), fc.nat(), (first, second, which) => {
        const pair = pairOf(first, second);
        const { costs, ...free } = observeMetered(pair);
        const exact = (entry: number) => (endsRun(free.outcomes[entry]!) ? undefined : costs[entry]);
        const { costs: _, ...paid } = observeMetered(pair, exact);
        expect(paid).toEqual(free);
        const finished = costs.flatMap((cost, entry) => (cost > 0n && !endsRun(free.outcomes[entry]!) ? [entry] : []));
        if (finished.length === 0) return;
        const short = finished[which % finished.length]!;
        const poor = observeMetered(pair, (entry) => (entry === short ? costs[entry]! - 1n : undefined));
        expect(poor.outcomes).toEqual([...free.outcomes.slice(0, short), 'stopped METERING_OUT_OF_FUEL']);
      }),
      runs(300),
    );
  });
});

function observeMetered(
  pair: Pair,
  limitOf?: (entry: number) => bigint | undefined,
): Observation & { costs: readonly bigint[] } {
  const driver = new MeteredDriver(limitOf);
  const bytes = [pair.lender, pair.borrower].map((one) => meter.meterModule(one.bytes, 'fuel').bytes);
  return { ...observePair(pair, [bytes[0]!, bytes[1]!], driver), costs: driver.costs };
}

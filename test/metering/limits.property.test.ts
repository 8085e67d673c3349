import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileModule, type GeneratedModule, modulePlan } from '../../tools/metering/generator/index.ts';
import { MeteredDriver, meter, observeMetered } from '../../tools/metering/harness/metered.ts';
import { endsRun, observe } from '../../tools/metering/harness/observe.ts';
import { runs } from '../support/runs.ts';

const OUT_OF_FUEL = 'stopped METERING_OUT_OF_FUEL';

describe('a limit of fuel', () => {
  it('is enough when it is what the call costs, and one less is not', () => {
    fc.assert(
      fc.property(modulePlan(), fc.nat(), (plan, which) => {
        const generated = compileModule(plan);
        const { costs, ...free } = observeMetered(generated);
        // What an entry cost that trapped is known only to the slice.
        const exact = (entry: number) => (endsRun(free.outcomes[entry]!) ? undefined : costs[entry]);
        const { costs: again, ...paid } = observeMetered(generated, exact);
        expect(paid).toEqual(free);
        const finished = costs.flatMap((cost, entry) => (cost > 0n && !endsRun(free.outcomes[entry]!) ? [entry] : []));
        if (finished.length === 0) return;
        for (const entry of finished) expect(again[entry]).toBe(costs[entry]);
        const short = finished[which % finished.length]!;
        const poor = observeMetered(generated, (entry) => (entry === short ? costs[entry]! - 1n : undefined));
        expect(poor.outcomes).toEqual([...free.outcomes.slice(0, short), OUT_OF_FUEL]);
        expect(poor.host).toEqual(free.host.slice(0, poor.host.length));
      }),
      runs(400),
    );
  });

  it('lets the host be called exactly as long as it is not passed', () => {
    fc.assert(
      fc.property(modulePlan(), fc.double({ min: 0, max: 1, noNaN: true }), (plan, share) => {
        const generated = compileModule(plan);
        const free = hostCallsOf(generated, () => undefined);
        const most = Math.max(0, ...free.calls.map(({ spent }) => Number(spent)));
        const limit = BigInt(Math.floor(most * share));
        const wanted: HostCall[] = [];
        for (const [entry, cost] of [...free.costs, undefined].entries()) {
          const all = free.calls.filter((call) => call.entry === entry);
          const within = all.filter(({ spent }) => spent <= limit);
          wanted.push(...within);
          if (within.length < all.length || (cost !== undefined && cost > limit)) break;
        }
        expect(hostCallsOf(generated, () => limit).calls).toEqual(wanted);
      }),
      runs(300),
    );
  });

  it('may be any number below the cost', () => {
    fc.assert(
      fc.property(modulePlan(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (plan, share) => {
        const generated = compileModule(plan);
        const { costs, outcomes } = observeMetered(generated);
        const last = costs.length - 1;
        if (last < 0 || costs[last] === 0n || endsRun(outcomes[last]!)) return;
        const limit = BigInt(Math.floor(Number(costs[last]) * share));
        const poor = observeMetered(generated, (entry) => (entry === last ? limit : undefined));
        expect(poor.outcomes.at(-1)).toBe(OUT_OF_FUEL);
        expect(poor.outcomes.length).toBe(last + 1);
      }),
      runs(300),
    );
  });
});

interface HostCall {
  readonly line: string;
  readonly entry: number;
  /** What its entry had spent so far. */
  readonly spent: bigint;
}

function hostCallsOf(
  generated: GeneratedModule,
  limitOf: (entry: number) => bigint | undefined,
): { calls: HostCall[]; costs: readonly bigint[] } {
  const driver = new MeteredDriver(limitOf);
  const at: { entry: number; spent: bigint }[] = [];
  const { bytes } = meter.meterModule(generated.bytes, 'fuel');
  const { host } = observe(generated, bytes, driver, () =>
    at.push({ entry: driver.entry, spent: driver.tank.usage.callFuel }),
  );
  return { calls: host.map((line, index) => ({ line, ...at[index]! })), costs: driver.costs };
}

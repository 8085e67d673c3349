import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MeteringMode } from '#core/ports/meter';
import { RewritingMeter } from '#metering';
import { compileModule, type GeneratedModule, modulePlan } from '../../tools/metering/generator/index.ts';
import { MeteredDriver, meter, ROOMY } from '../../tools/metering/harness/metered.ts';
import { observe } from '../../tools/metering/harness/observe.ts';
import { assemble } from '../../tools/metering/wat.ts';
import { runs } from '../support/runs.ts';

const DEADLINE = 'stopped METERING_DEADLINE';
const LIMIT_MS = 20;
/** So few that programs which only go round their loops for a while ask for more. */
const SLICES = { first: 500, smallest: 500, largest: 500 };

interface Entry {
  readonly outcome: string;
  readonly ms: number;
  readonly hostCalls: number;
}

/** Runs a program by a clock that is `stepMs` later each time that somebody reads it, and `callMs` for each call of the host. */
function entriesOf(generated: GeneratedModule, mode: MeteringMode, stepMs: number, callMs: number): Entry[] {
  let time = 0;
  let hostCalls = 0;
  const tank = new RewritingMeter(() => (time += stepMs), SLICES).createTank(ROOMY);
  const driver = new MeteredDriver(() => undefined, tank, LIMIT_MS);
  const ended: { ms: number; hostCalls: number }[] = [];
  const note = <T>(act: () => T): T => {
    hostCalls = 0;
    try {
      return act();
    } finally {
      ended.push({ ms: tank.usage.callMs, hostCalls });
    }
  };
  const { bytes } = meter.meterModule(generated.bytes, mode);
  const noted = {
    instantiate: (module: WebAssembly.Module, imports: WebAssembly.Imports) =>
      note(() => driver.instantiate(module, imports)),
    call: (act: () => unknown) => note(() => driver.call(act)),
  };
  const { outcomes } = observe(generated, bytes, noted, () => {
    hostCalls++;
    time += callMs;
  });
  return outcomes.map((outcome, entry) => ({ outcome, ...ended[entry]! }));
}

describe('a limit of time', () => {
  it('begins with each call, however long earlier ones and the time between them were', async () => {
    const text = '(module (import "host" "work" (func $work)) (func (export "run") (call $work)))';
    const module = new WebAssembly.Module(meter.meterModule(await assemble(text), 'fuel').bytes as BufferSource);
    const milliseconds = fc.integer({ min: 0, max: LIMIT_MS });
    fc.assert(
      fc.property(fc.array(fc.tuple(milliseconds, fc.nat(1_000)), { minLength: 2, maxLength: 6 }), (calls) => {
        let time = 1;
        let works = 0;
        const tank = new RewritingMeter(() => time, SLICES).createTank(ROOMY);
        tank.begin({ timeMs: LIMIT_MS });
        const { run } = tank.link(module, { host: { work: () => (time += works) } });
        tank.end();
        for (const [ms, pause] of calls) {
          time += pause;
          works = ms;
          tank.begin({ timeMs: LIMIT_MS });
          (run as () => void)();
          tank.end();
          expect(tank.usage.callMs).toBe(ms);
        }
        expect(tank.usage.totalMs).toBe(calls.reduce((sum, [ms]) => sum + ms, 0));
      }),
      runs(100),
    );
  });

  for (const mode of ['fuel', 'deadline'] as const) {
    it(`ends what does not end, at the first look at the clock behind it, in mode ${mode}`, () => {
      let guests = 0;
      let late = 0;
      fc.assert(
        fc.property(modulePlan(), fc.constantFrom(0.5, 1, 3), (plan, stepMs) => {
          const entries = entriesOf(compileModule(plan, { endless: true }), mode, stepMs, 0);
          guests++;
          if (entries.at(-1)!.outcome === DEADLINE) late++;
          for (const { outcome, ms } of entries) {
            // The clock is read when a call begins, at each look, and when it ends.
            if (outcome === DEADLINE) {
              expect(ms).toBeGreaterThan(LIMIT_MS);
              expect(ms).toBeLessThanOrEqual(LIMIT_MS + 2 * stepMs);
            } else expect(ms).toBeLessThanOrEqual(LIMIT_MS + stepMs);
          }
        }),
        runs(150),
      );
      // A property that few guests come near says nothing.
      expect(late).toBeGreaterThan(guests / 4);
    });

    it(`counts the time of the host, in mode ${mode}`, () => {
      let called = 0;
      fc.assert(
        fc.property(modulePlan(), (plan) => {
          for (const { outcome, hostCalls } of entriesOf(compileModule(plan), mode, 0, LIMIT_MS + 1)) {
            if (hostCalls === 0) continue;
            called++;
            expect(outcome).toMatch(/^(stopped METERING_DEADLINE|trap|stopped METERING_STACK)/);
          }
        }),
        runs(150),
      );
      expect(called).toBeGreaterThan(0);
    });

    it(`does not end what keeps within it, in mode ${mode}`, () => {
      fc.assert(
        fc.property(modulePlan(), (plan) => {
          for (const { outcome } of entriesOf(compileModule(plan), mode, 0, 0)) expect(outcome).not.toBe(DEADLINE);
        }),
        runs(100),
      );
    });
  }
});

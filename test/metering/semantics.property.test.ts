import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allFeatures, compileModule, modulePlan } from '../../tools/metering/generator/index.ts';
import { meter, observeMetered } from '../../tools/metering/harness/metered.ts';
import { observe } from '../../tools/metering/harness/observe.ts';
import { runs } from '../support/runs.ts';

describe('a metered module with an endless tank', () => {
  for (const mode of ['fuel', 'deadline'] as const) {
    it(`does what the plain one does, in mode ${mode}`, () => {
      fc.assert(
        fc.property(modulePlan(), (plan) => {
          const generated = compileModule(plan);
          const { costs: _, ...metered } = observeMetered(generated, undefined, mode);
          expect(metered).toEqual(observe(generated, generated.bytes));
        }),
        runs(400),
      );
    });
  }

  it('does so with every feature at once', () => {
    const features = fc.constantFrom(allFeatures('legacy'), allFeatures('standard'));
    fc.assert(
      fc.property(modulePlan(features), (plan) => {
        const generated = compileModule(plan);
        const { costs: _, ...metered } = observeMetered(generated);
        expect(metered).toEqual(observe(generated, generated.bytes));
      }),
      runs(300),
    );
  });

  it('is the same module each time', () => {
    fc.assert(
      fc.property(modulePlan(), (plan) => {
        const { bytes } = compileModule(plan);
        expect(meter.meterModule(bytes, 'fuel').bytes).toEqual(meter.meterModule(bytes, 'fuel').bytes);
      }),
      runs(50),
    );
  });
});

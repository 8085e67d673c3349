import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allFeatures, compileModule, modulePlan, OPERATORS } from '../../../tools/metering/generator/index.ts';
import { PLAIN } from '../../../tools/metering/generator/operators.ts';
import { type Observation, observe } from '../../../tools/metering/harness/observe.ts';

describe('the generator of modules', () => {
  it('makes a valid module of every plan', () => {
    fc.assert(
      fc.property(modulePlan(), (plan) => {
        const { bytes } = compileModule(plan);
        expect(WebAssembly.validate(new Uint8Array(bytes))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('makes the same module of the same plan', () => {
    fc.assert(
      fc.property(modulePlan(), (plan) => {
        expect(compileModule(plan).bytes).toEqual(compileModule(plan).bytes);
      }),
      { numRuns: 20 },
    );
  });

  it('knows the 414 operators without structure that the specification has', () => {
    const counts = Object.groupBy([...PLAIN.values()], ({ feature }) => feature);
    expect(Object.fromEntries(Object.entries(counts).map(([feature, list]) => [feature, list.length]))).toEqual({
      mvp: 123 + 23,
      'sign-extension': 5,
      saturating: 8,
      simd: 235,
      'relaxed-simd': 20,
    });
  });

  it('uses every operator', () => {
    const used = new Set<string>();
    const missing = (): string[] => OPERATORS.filter((name) => !used.has(name));
    for (let seed = 1; seed <= 20 && missing().length > 0; seed++) {
      for (const exceptions of ['legacy', 'standard'] as const) {
        const plans = fc.sample(modulePlan(fc.constant(allFeatures(exceptions))), { numRuns: 150, seed });
        for (const plan of plans) for (const name of compileModule(plan).used) used.add(name);
      }
    }
    expect(missing()).toEqual([]);
  });

  it('makes programs that end, most of them without a trap, and that call the host', () => {
    const runs: Observation[] = fc.sample(modulePlan(), { numRuns: 300, seed: 7 }).map((plan) => {
      const generated = compileModule(plan);
      return observe(generated, generated.bytes);
    });
    const trapped = runs.filter(({ outcomes }) => outcomes.includes('trap'));
    const calling = runs.filter(({ host }) => host.length > 0);
    const throwing = runs.filter(({ outcomes }) => outcomes.includes('threw'));
    expect(trapped.length).toBeGreaterThan(5);
    expect(trapped.length).toBeLessThan(100);
    expect(calling.length).toBeGreaterThan(60);
    expect(throwing.length).toBeGreaterThan(5);
  });
});

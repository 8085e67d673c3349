import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MeteringMode } from '#core/ports/meter';
import { RewritingMeter } from '#metering';
import { KERNELS, type Kernel, kernelBytes, kernelImports } from '../../tools/kernels/index.ts';
import { compileModule, type GeneratedModule, modulePlan } from '../../tools/metering/generator/index.ts';
import { type MeteredObservation, observeMetered, ROOMY } from '../../tools/metering/harness/metered.ts';
import { endsRun } from '../../tools/metering/harness/observe.ts';
import { runs } from '../support/runs.ts';

/** A clock that moves by the given steps, over and over, so that slices are of many sizes. */
function clockOf(steps: readonly number[]): () => number {
  let time = 0;
  let reading = 0;
  return () => {
    time += steps[reading++ % steps.length]!;
    return time;
  };
}

/** Slices of always the same size. */
function slicesOf(units: number): RewritingMeter {
  return new RewritingMeter(() => 0, { first: units, smallest: units, largest: units });
}

function run(
  kernel: Kernel,
  rounds: number,
  meter: RewritingMeter,
  fuel?: bigint,
): { result: unknown; spent: bigint; asked: number } {
  const module = new WebAssembly.Module(
    meter.meterModule(kernelBytes(kernel), 'fuel').bytes as Uint8Array<ArrayBuffer>,
  );
  const tank = meter.createTank({ maxMemoryBytes: 2 ** 24 });
  tank.begin({});
  const { env } = kernelImports();
  let asked = 0;
  const host = (number: number): number => {
    asked++;
    return (env!.host as (number: number) => number)(number);
  };
  const { run } = tank.link(module, { env: { host } });
  tank.end();
  tank.begin({ fuel });
  let result: unknown;
  try {
    result = (run as (rounds: number) => unknown)(rounds);
    tank.end();
  } catch (thrown) {
    result = tank.failure(thrown)?.code;
  }
  return { result, spent: tank.usage.callFuel, asked };
}

const STEADY = new RewritingMeter(() => 0);
const OUT_OF_FUEL = 'METERING_OUT_OF_FUEL';
/** Slices of so few units that every look at the counter asks for more. */
const FEW = [1, 2, 3, 7, 25, 1_000];

/** Rounds that cost some two million units, several times the largest slice. */
function manyRounds(kernel: Kernel): number {
  if (kernel.name === 'fib') return 22;
  const once = run(kernel, 1, STEADY).spent;
  const twice = run(kernel, 2, STEADY).spent;
  return Math.ceil(2_000_000 / Number(twice - once));
}

describe('the fuel of a kernel', () => {
  for (const kernel of KERNELS) {
    it(`does not depend on the slices that ${kernel.name} is given`, () => {
      const rounds = manyRounds(kernel);
      const steady = run(kernel, rounds, STEADY);
      expect(steady.spent).toBeGreaterThan(500_000n);
      fc.assert(
        fc.property(fc.array(fc.constantFrom(0, 0.01, 0.3, 1, 50), { minLength: 1, maxLength: 6 }), (steps) => {
          expect(run(kernel, rounds, new RewritingMeter(clockOf(steps)))).toEqual(steady);
        }),
        { numRuns: 6 },
      );
    });

    it(`is enough for ${kernel.name} as a limit, and one less is not, in slices of any size`, () => {
      const rounds = kernel.few;
      const free = run(kernel, rounds, STEADY);
      let short: unknown;
      for (const units of [...FEW, 100_000]) {
        expect(run(kernel, rounds, slicesOf(units))).toEqual(free);
        expect(run(kernel, rounds, slicesOf(units), free.spent)).toEqual(free);
        const poor = run(kernel, rounds, slicesOf(units), free.spent - 1n);
        expect(poor).toMatchObject({ result: OUT_OF_FUEL, spent: free.spent - 1n });
        short ??= poor;
        expect(poor).toEqual(short);
      }
    });
  }

  it('is never passed by a call of the host, in slices of any size', () => {
    const kernel = KERNELS.find(({ name }) => name === 'hostcall')!;
    const { spent } = run(kernel, 100, STEADY);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: spent - 1n }), (limit) => {
        const wanted = run(kernel, 100, STEADY, limit);
        expect(wanted.result).toBe(OUT_OF_FUEL);
        for (const units of FEW) expect(run(kernel, 100, slicesOf(units), limit)).toEqual(wanted);
      }),
      { numRuns: 20 },
    );
    // Added up by hand: 8 units up to and with the first call, 17 from each to the next.
    const calls = (limit: number): number => (limit < 8 ? 0 : Math.floor((limit - 8) / 17) + 1);
    for (let limit = 0; limit < 80; limit++) {
      expect(run(kernel, 100, slicesOf(1 + (limit % 9)), BigInt(limit)).asked).toBe(calls(limit));
    }
  });
});

describe('the fuel of a generated program', () => {
  const inSlices = (
    generated: GeneratedModule,
    units: number,
    limitOf?: (entry: number) => bigint | undefined,
    mode: MeteringMode = 'fuel',
  ): MeteredObservation => observeMetered(generated, limitOf, mode, slicesOf(units).createTank(ROOMY));

  it('is the same in slices of a few units: what is seen, what it costs, and where it ends', () => {
    fc.assert(
      fc.property(modulePlan(), fc.double({ min: 0, max: 1, noNaN: true }), (plan, share) => {
        const generated = compileModule(plan);
        const { costs, ...free } = observeMetered(generated);
        const most = Math.max(0, ...costs.map(Number));
        const limit = BigInt(Math.floor(most * share));
        const poor = observeMetered(generated, () => limit);
        for (const units of FEW) {
          const { costs: sliced, ...seen } = inSlices(generated, units);
          expect(seen).toEqual(free);
          expect(finished(sliced, free.outcomes)).toEqual(finished(costs, free.outcomes));
          const short = inSlices(generated, units, () => limit);
          expect({ ...short, costs: finished(short.costs, short.outcomes) }).toEqual({
            ...poor,
            costs: finished(poor.costs, poor.outcomes),
          });
        }
      }),
      runs(150),
    );
  });

  it('succeeds with what it costs and fails with one less, in slices of a few units', () => {
    fc.assert(
      fc.property(modulePlan(), fc.constantFrom(...FEW), fc.nat(), (plan, units, which) => {
        const generated = compileModule(plan);
        const { costs, outcomes } = observeMetered(generated);
        const ended = costs.flatMap((cost, entry) => (cost > 0n && !endsRun(outcomes[entry]!) ? [entry] : []));
        if (ended.length === 0) return;
        const entry = ended[which % ended.length]!;
        const paid = inSlices(generated, units, (at) => (at === entry ? costs[at] : undefined));
        expect(paid.outcomes).toEqual(outcomes);
        const poor = inSlices(generated, units, (at) => (at === entry ? costs[at]! - 1n : undefined));
        expect(poor.outcomes).toEqual([...outcomes.slice(0, entry), `stopped ${OUT_OF_FUEL}`]);
      }),
      runs(200),
    );
  });

  it('does what the plain one does in mode deadline too, in slices of a few units', () => {
    fc.assert(
      fc.property(modulePlan(), fc.constantFrom(...FEW), (plan, units) => {
        const generated = compileModule(plan);
        const { costs: _, ...seen } = inSlices(generated, units, undefined, 'deadline');
        const { costs: __, ...free } = observeMetered(generated, undefined, 'deadline');
        expect(seen).toEqual(free);
      }),
      runs(150),
    );
  });
});

/** What an entry cost that trapped is known only to the slice. */
function finished(costs: readonly bigint[], outcomes: readonly string[]): bigint[] {
  return costs.filter((_, entry) => !endsRun(outcomes[entry]!));
}

describe('a loop whose turn costs more than a slice', () => {
  for (const mode of ['fuel', 'deadline'] as const) {
    it(`goes on after each refill, in mode ${mode}`, async () => {
      const body = 'i32.const 1 local.get 0 i32.add drop '.repeat(12_000);
      const bytes = await parse(`(module (func (export "run") (param i32)
        (loop ${body} (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`);
      // A machine so slow that slices are as small as they get.
      let time = 0;
      const meter = new RewritingMeter(() => (time += 5));
      const module = new WebAssembly.Module(meter.meterModule(bytes, mode).bytes as Uint8Array<ArrayBuffer>);
      const tank = meter.createTank({ maxMemoryBytes: 2 ** 20 });
      tank.begin({});
      const { run } = tank.link(module, {});
      tank.end();
      tank.begin({ timeMs: 10_000 });
      (run as (turns: number) => void)(30);
      tank.end();
    });
  }
});

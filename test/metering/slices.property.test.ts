import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RewritingMeter } from '#metering';
import { KERNELS, type Kernel, kernelBytes, kernelImports } from '../../bench/kernels/index.ts';

/** A clock that moves by the given steps, over and over, so that slices are of many sizes. */
function clockOf(steps: readonly number[]): () => number {
  let time = 0;
  let reading = 0;
  return () => {
    time += steps[reading++ % steps.length]!;
    return time;
  };
}

function run(kernel: Kernel, rounds: number, now: () => number, fuel?: bigint): { result: unknown; spent: bigint } {
  const meter = new RewritingMeter(now);
  const module = new WebAssembly.Module(
    meter.meterModule(kernelBytes(kernel), 'fuel').bytes as Uint8Array<ArrayBuffer>,
  );
  const tank = meter.createTank({ maxMemoryBytes: 2 ** 24 });
  tank.begin({});
  const { run } = tank.link(module, kernelImports());
  tank.end();
  tank.begin({ fuel });
  const result = (run as (rounds: number) => unknown)(rounds);
  tank.end();
  return { result, spent: tank.usage.callFuel };
}

/** Rounds that cost some two million units, several times the largest slice. */
function manyRounds(kernel: Kernel): number {
  if (kernel.name === 'fib') return 22;
  const once = run(kernel, 1, () => 0).spent;
  const twice = run(kernel, 2, () => 0).spent;
  return Math.ceil(2_000_000 / Number(twice - once));
}

describe('the fuel of a kernel', () => {
  for (const kernel of KERNELS) {
    it(`does not depend on the slices that ${kernel.name} is given`, () => {
      const rounds = manyRounds(kernel);
      const steady = run(kernel, rounds, () => 0);
      expect(steady.spent).toBeGreaterThan(500_000n);
      fc.assert(
        fc.property(fc.array(fc.constantFrom(0, 0.01, 0.3, 1, 50), { minLength: 1, maxLength: 6 }), (steps) => {
          expect(run(kernel, rounds, clockOf(steps))).toEqual(steady);
        }),
        { numRuns: 6 },
      );
      expect(run(kernel, rounds, () => 0, steady.spent)).toEqual(steady);
      expect(() => run(kernel, rounds, () => 0, steady.spent - 1n)).toThrow();
    });
  }
});

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

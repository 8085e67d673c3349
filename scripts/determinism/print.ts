// node [flags] scripts/determinism/print.ts PROGRAMS SEED: a line for each program with all that fuel must not vary in.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { KERNELS, kernelBytes, kernelImports } from '../../tools/kernels/index.ts';
import { compileModule, modulePlan } from '../../tools/metering/generator/index.ts';
import { meter, observeMetered } from '../../tools/metering/harness/metered.ts';

const [programs = '200', seed = '1'] = process.argv.slice(2);

for (const kernel of KERNELS) {
  const { bytes } = meter.meterModule(kernelBytes(kernel), 'fuel');
  const tank = meter.createTank({ maxMemoryBytes: 2 ** 24 });
  tank.begin({});
  const { run } = tank.link(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), kernelImports());
  tank.end();
  tank.begin({});
  // Often enough for the guest to reach V8's optimising tier on the way.
  const results = Array.from({ length: 30 }, () => (run as (rounds: number) => number)(kernel.few));
  tank.end();
  console.log(kernel.name, digest(bytes), tank.usage.callFuel, results.at(-1));
}
for (const [index, plan] of fc.sample(modulePlan(), { numRuns: Number(programs), seed: Number(seed) }).entries()) {
  const generated = compileModule(plan);
  const { costs, ...seen } = observeMetered(generated);
  const { bytes } = meter.meterModule(generated.bytes, 'fuel');
  // What a trap leaves uncounted may depend on the tier; the run ends there.
  const ended = seen.outcomes.at(-1) === 'trap' ? costs.slice(0, -1) : costs;
  console.log(`program ${index}`, digest(bytes), ended.join(), digest(Buffer.from(JSON.stringify(seen))));
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

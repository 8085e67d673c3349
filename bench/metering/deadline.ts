import { isVivariumError } from '#core/errors';
import type { MeteringMode } from '#core/ports/meter';
import { RewritingMeter } from '#metering';
import { KERNELS, kernelBytes, kernelImports } from '../../tools/kernels/index.ts';
import { percentile, undisturbedTime } from './statistics.ts';

/** Guest time is measured, not what neighbours on the machine do meanwhile. */
const meter = new RewritingMeter(undisturbedTime);

/** Milliseconds that guests which never end run past a limit of `limitMs`: the 99th of 100 such calls; fewer than 200 give their worst. */
export function overshoot(mode: MeteringMode, limitMs: number, calls: number): number {
  const kernels = KERNELS.filter(({ name }) => ['mix', 'json', 'interpreter', 'copies', 'hostcall'].includes(name));
  const modules = kernels.map((kernel) => {
    const { bytes } = meter.meterModule(kernelBytes(kernel), mode);
    return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  });
  const past: number[] = [];
  for (let call = 0; call < calls; call++) {
    const tank = meter.createTank({ maxMemoryBytes: 2 ** 24 });
    tank.begin({});
    const { run } = tank.link(modules[call % modules.length]!, kernelImports());
    tank.end();
    tank.begin({ timeMs: limitMs });
    const begun = undisturbedTime();
    try {
      (run as (rounds: number) => unknown)(-1);
      throw new Error('an endless call came back');
    } catch (thrown) {
      const failure = tank.failure(thrown);
      if (!isVivariumError(failure, 'METERING_DEADLINE')) throw thrown;
    }
    past.push(undisturbedTime() - begun - limitMs);
  }
  return percentile(past, 0.99);
}

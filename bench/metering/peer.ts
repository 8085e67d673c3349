import { KERNELS, kernelBytes, kernelImports } from '../../tools/kernels/index.ts';
import { NoWasmtime, Wasmtime, type WasmtimeImport, type WasmtimeTimes } from '../../tools/oracle/wasmtime.ts';
import { Guest } from './guests.ts';

const HOST: readonly WasmtimeImport[] = [{ kind: 'function', name: 'host', params: ['i32'], results: ['i32'] }];

export interface Peer {
  readonly times: Readonly<Record<string, WasmtimeTimes>>;
  /** Kernels whose fuel is not the same on both sides. */
  readonly different: readonly string[];
}

/** wasmtime's own fuel and epochs on the same kernels; undefined where `npm run oracle` has not installed it. */
export async function measureWasmtime(rounds: number): Promise<Peer | undefined> {
  if (!Wasmtime.installed) return undefined;
  try {
    using wasmtime = await Wasmtime.start();
    const times: Record<string, WasmtimeTimes> = {};
    const different: string[] = [];
    for (const kernel of KERNELS) {
      const job = { bytes: kernelBytes(kernel), imports: kernel.name === 'hostcall' ? HOST : [] };
      const call = (value: number) => ({ name: 'run', args: [{ type: 'i32', value }] });
      // A host function in Python takes so long that the guest's share could not be seen.
      if (kernel.name !== 'hostcall') times[kernel.name] = await wasmtime.bench(job, call(kernel.rounds), rounds);
      const theirs = await wasmtime.run(job, [call(kernel.few)]);
      const guest = new Guest('fuel');
      const module = guest.compile(job.bytes);
      const { run } = guest.run(() => guest.link(module, kernelImports()));
      guest.run(() => (run as (rounds: number) => unknown)(kernel.few));
      if ('refused' in theirs || theirs.totals[1]! - theirs.totals[0]! !== guest.spent) different.push(kernel.name);
    }
    return { times, different };
  } catch (thrown) {
    if (thrown instanceof NoWasmtime) return undefined;
    throw thrown;
  }
}

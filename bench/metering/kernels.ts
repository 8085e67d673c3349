import { KERNELS, kernelBytes, kernelImports } from '../../tools/kernels/index.ts';
import { inChild } from './child-process.ts';
import { Guest, WAYS, type Way } from './guests.ts';
import { geometricMean, percentile, ratios } from './statistics.ts';

/** Time against the plain module, by kernel. */
export type KernelRatios = Readonly<Record<string, Readonly<Record<Way, number>>>>;

export function measureKernels(rounds: number): KernelRatios {
  return Object.fromEntries(
    KERNELS.map((kernel) => {
      const ways = Object.fromEntries(
        WAYS.map((way) => {
          const guest = new Guest(way);
          const module = guest.compile(kernelBytes(kernel));
          const { run } = guest.run(() => guest.link(module, kernelImports()));
          return [way, () => guest.run(() => (run as (rounds: number) => unknown)(kernel.rounds))];
        }),
      ) as Record<Way, () => void>;
      return [kernel.name, ratios(ways, rounds)];
    }),
  );
}

/** Where kernels are measured: `node` with V8's `flags`, in so many processes one after another. */
export interface Place {
  readonly rounds: number;
  readonly processes: number;
  readonly node?: string | undefined;
  readonly flags?: readonly string[];
}

/**
 * The median over several processes of each ratio: where V8 happens to put code, and what it happens to inline, differs from one
 * to the next by more than all rounds within one do.
 */
export async function kernelsIn({ rounds, processes, node, flags }: Place): Promise<KernelRatios> {
  const runs: KernelRatios[] = [];
  for (let n = 0; n < processes; n++) runs.push(await inChild<KernelRatios>('kernels', String(rounds), flags, node));
  return Object.fromEntries(
    KERNELS.map(({ name }) => {
      const median = (way: Way): number =>
        percentile(
          runs.map((run) => run[name]![way]),
          0.5,
        );
      return [name, Object.fromEntries(WAYS.map((way) => [way, median(way)])) as Record<Way, number>];
    }),
  );
}

/** Without fib: the added calls make V8 inline it, which is no gain of metering. */
export function meanOf(kernels: KernelRatios, way: Way): number {
  return geometricMean(counted(kernels).map(([, by]) => by[way]));
}

export function worstOf(kernels: KernelRatios, way: Way): [name: string, ratio: number] {
  const [name, by] = counted(kernels).toSorted(([, a], [, b]) => b[way] - a[way])[0]!;
  return [name, by[way]];
}

function counted(kernels: KernelRatios): [string, Readonly<Record<Way, number>>][] {
  return Object.entries(kernels).filter(([name]) => name !== 'fib');
}

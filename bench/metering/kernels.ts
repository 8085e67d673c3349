import { KERNELS, kernelBytes, kernelImports } from '../kernels/index.ts';
import { Guest, WAYS, type Way } from './guests.ts';
import { geometricMean, ratios } from './statistics.ts';

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

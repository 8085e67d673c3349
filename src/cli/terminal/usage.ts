import type { ComponentUsage } from '#core/ports/engine';

/** The figures that are printed with every reply. */
export interface UsageFigures {
  readonly fuelConsumed: bigint;
  readonly memoryBytes: number;
  readonly executionTimeMs: number;
  readonly [key: string]: unknown;
}

/** Returns the figures of the last call. */
export function usageFigures({ last, memoryBytes }: ComponentUsage): UsageFigures {
  return {
    fuelConsumed: last.fuelConsumed,
    memoryBytes,
    executionTimeMs: Math.round(last.executionTimeMs * 1000) / 1000,
  };
}

export function usageLine({ fuelConsumed, memoryBytes, executionTimeMs }: UsageFigures): string {
  const memory = `${(memoryBytes / 2 ** 20).toFixed(1)} MiB`;
  return `fuel ${fuelConsumed.toLocaleString('en')} · memory ${memory} · ${executionTimeMs} ms`;
}

const NANOSECONDS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** The resolution of a component's clocks without a finer grant: too coarse to measure a cache. */
export const DEFAULT_RESOLUTION_NS = 1_000_000;

/** Parses a resolution such as `1ms` or `100ns` to nanoseconds, at least 1. Returns undefined for other texts. */
export function parseResolution(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,9})(ns|us|ms|s)$/.exec(text) ?? [];
  const resolution = Number(digits) * (NANOSECONDS[unit] ?? Number.NaN);
  return resolution >= 1 ? resolution : undefined;
}

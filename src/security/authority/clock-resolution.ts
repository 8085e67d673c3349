const NANOSECONDS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** What a component's clocks are rounded to when nothing finer was granted: too coarse to time a cache by. */
export const DEFAULT_RESOLUTION_NS = 1_000_000;

/** Reads a resolution such as `1ms` or `100ns` as nanoseconds, 1 at least, or answers undefined. */
export function parseResolution(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,9})(ns|us|ms|s)$/.exec(text) ?? [];
  const resolution = Number(digits) * (NANOSECONDS[unit] ?? Number.NaN);
  return resolution >= 1 ? resolution : undefined;
}

/** One segment of a pattern: a text that must be equal, `*` (exactly one segment) or `**` (any number of segments). */
export type PatternSegment = string;

export const ONE = '*';
export const ANY = '**';

/**
 * Brings a run of wildcards into its normal form: `**` last, once. Without this, two spellings of the same pattern
 * would count as different.
 */
export function normalizeSegments(segments: readonly PatternSegment[]): readonly PatternSegment[] {
  const normal: PatternSegment[] = [];
  let pending = false;
  for (const segment of segments) {
    if (segment === ANY) {
      pending = true;
      continue;
    }
    if (segment !== ONE && pending) {
      normal.push(ANY);
      pending = false;
    }
    normal.push(segment);
  }
  if (pending) normal.push(ANY);
  return normal;
}

/**
 * Whether `wide` matches everything that `narrow` matches; both are in normal form. The segments of `narrow` are
 * matched against `wide` like a target: only wildcards match its `*`, and only `**` matches its `**`. The time is the
 * product of both lengths.
 */
export function coversSegments(wide: readonly PatternSegment[], narrow: readonly PatternSegment[]): boolean {
  let reached = closure(wide, new Set([0]));
  for (const segment of narrow) {
    const next = new Set<number>();
    for (const at of reached) {
      const own = wide[at];
      if (own === ANY) next.add(at);
      else if (own !== undefined && segment !== ANY && (own === ONE || own === segment)) next.add(at + 1);
    }
    reached = closure(wide, next);
  }
  return reached.has(wide.length);
}

/** Adds the positions after each `**`, because `**` also matches nothing. */
function closure(pattern: readonly PatternSegment[], positions: Set<number>): Set<number> {
  for (const at of positions) if (pattern[at] === ANY) positions.add(at + 1);
  return positions;
}

/** One segment of a pattern: text that must be equal, `*` (any one segment) or `**` (any number, none included). */
export type PatternSegment = string;

export const ONE = '*';
export const ANY = '**';

/**
 * A run of wildcards in its one normal form: `**` last, once. Without this, two spellings of the same pattern would be
 * compared as different ones.
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
 * Whether `wide` matches whatever `narrow` matches. Both in normal form. The segments of `narrow` are run through `wide`
 * as if they were a target: its `*` is met by wildcards only, its `**` by `**` only. Takes the product of both lengths.
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

/** `**` also stands for nothing, so that what follows it is reached at once. */
function closure(pattern: readonly PatternSegment[], positions: Set<number>): Set<number> {
  for (const at of positions) if (pattern[at] === ANY) positions.add(at + 1);
  return positions;
}

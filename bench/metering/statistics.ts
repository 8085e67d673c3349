export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Milliseconds that `act` takes. */
export function timed(act: () => void): number {
  const begun = performance.now();
  act();
  return performance.now() - begun;
}

/**
 * Times each way once a round, in turn, so that a slow moment of the machine hits all of them; gives for each the median
 * of its rounds' ratios against the first.
 */
export function ratios<Name extends string>(
  ways: Readonly<Record<Name, () => void>>,
  rounds: number,
): Record<Name, number> {
  const names = Object.keys(ways) as Name[];
  const times = names.map((): number[] => []);
  for (let round = 0; round < rounds + 2; round++) {
    for (const index of names.keys()) {
      const at = (index + round) % names.length;
      const time = timed(ways[names[at]!]);
      if (round >= 2) times[at]!.push(time);
    }
  }
  const entries = names.map((name, index) => [
    name,
    median(times[index]!.map((time, round) => time / times[0]![round]!)),
  ]);
  return Object.fromEntries(entries) as Record<Name, number>;
}

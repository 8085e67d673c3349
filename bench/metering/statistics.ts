import { existsSync, readFileSync } from 'node:fs';

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

const SCHEDULE = '/proc/thread-self/schedstat';

/**
 * A clock in milliseconds that stands still while the thread is ready to run and another has the processor, where the
 * system tells that (Linux: the second number of `schedstat`, nanoseconds).
 */
export function undisturbedTime(): number {
  const now = performance.now();
  if (!existsSync(SCHEDULE)) return now;
  return now - Number(readFileSync(SCHEDULE, 'utf8').split(' ')[1]) / 1e6;
}

/**
 * Times each way once a round, in turn, and gives the quickest round of each against that of the first: what a neighbour
 * on the machine takes away only ever adds to a time. Goes on until every way has come within two per cent of its
 * quickest round three times, or `rounds` are over.
 */
export function ratios<Name extends string>(
  ways: Readonly<Record<Name, () => void>>,
  rounds: number,
): Record<Name, number> {
  const names = Object.keys(ways) as Name[];
  const times = names.map((): number[] => []);
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const index of names.keys()) {
      const at = (index + round) % names.length;
      const time = timed(ways[names[at]!]);
      if (round >= WARM_UP) times[at]!.push(time);
    }
    if (round >= WARM_UP + LEAST_ROUNDS && times.every(isSettled)) break;
  }
  const entries = names.map((name, index) => [name, Math.min(...times[index]!) / Math.min(...times[0]!)]);
  return Object.fromEntries(entries) as Record<Name, number>;
}

/** Milliseconds of the quickest of up to `rounds` calls. */
export function quickest(act: () => void, rounds: number): number {
  const times: number[] = [];
  while (times.length < rounds && !(times.length >= 3 && isSettled(times))) times.push(timed(act));
  return Math.min(...times);
}

function isSettled(times: readonly number[]): boolean {
  const [best = 0, , third = Number.POSITIVE_INFINITY] = times.toSorted((a, b) => a - b);
  return third <= best * 1.02;
}

/** Rounds until V8 has optimised what they run. */
const WARM_UP = 6;
const LEAST_ROUNDS = 12;

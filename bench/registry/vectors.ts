export const DIMENSIONS = 512;

/** The same numbers in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Vectors as embedders make them: not spread evenly, but around a common direction and one of some hundred topics. Any two
 * have a similarity of about 0.4, two of one topic of about 0.8.
 */
export function embeddings(count: number, random: () => number): Float32Array[] {
  const noise = (scale: number): Float32Array =>
    Float32Array.from({ length: DIMENSIONS }, () => (random() + random() + random() - 1.5) * scale);
  const common = noise(1);
  const topics = Array.from({ length: 200 }, () => noise(1));
  return Array.from({ length: count }, (_, at) => {
    const topic = topics[at % topics.length]!;
    return noise(0.7).map((value, k) => value + common[k]! + topic[k]!);
  });
}

/** A vector of nearly the same meaning. */
export function near(vector: Float32Array, random: () => number): Float32Array {
  return vector.map((value) => value + (random() - 0.5) * 0.5);
}

export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

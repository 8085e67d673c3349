import type { ValidationStatus } from '#core/ports/registry';
import { isComparable, lengthOf, normalize } from '../embedding.ts';

/** The data of one module that a group needs. */
export interface VectorRow {
  readonly id: string;
  readonly pointer: string;
  /** The interface's version at which this row last changed. */
  readonly changed: number;
  readonly status: ValidationStatus;
  readonly supersedes: string | undefined;
  readonly requiresHash: string;
  readonly requires: readonly string[];
  readonly embedding: Float32Array | undefined;
}

export interface Scored {
  readonly id: string;
  readonly similarity: number;
}

/**
 * The rounding error of float32 sums: the similarity of a vector to itself may be this much below 1. Similarities with
 * a smaller difference count as equal, because otherwise the last bit would decide the order of equal vectors.
 */
export const ROUNDING = 2e-6;

/** The leading dimensions that are compared first. They alone rule out most vectors; see the ADR on the index. */
const HEAD = 64;
/** The number of vectors that are compared before other work may run: about a millisecond. */
const SLICE = 4_096;

/**
 * The unit vectors of one interface, stored contiguously as heads and tails. A group grows, and drops vectors only when
 * it is rebuilt.
 */
export class VectorGroup {
  /** The interface's version up to which this group is current. */
  version = 0;
  readonly #head: number;
  readonly #tail: number;
  readonly #dimensions: number;
  #heads: Float32Array;
  #tails: Float32Array;
  #tailLengths: Float32Array;
  readonly #ids: string[] = [];
  readonly #pointers: string[] = [];
  readonly #verified: boolean[] = [];
  readonly #requires: string[] = [];
  readonly #slots = new Map<string, number>();
  readonly #requirements = new Map<string, readonly string[]>();
  readonly #superseded = new Set<string>();

  constructor(dimensions: number, capacity = 16) {
    this.#dimensions = dimensions;
    this.#head = Math.min(HEAD, dimensions);
    this.#tail = dimensions - this.#head;
    this.#heads = new Float32Array(capacity * this.#head);
    this.#tails = new Float32Array(capacity * this.#tail);
    this.#tailLengths = new Float32Array(capacity);
  }

  get bytes(): number {
    return this.#heads.byteLength + this.#tails.byteLength + this.#tailLengths.byteLength + this.#ids.length * 200 + 1;
  }

  apply(row: VectorRow): void {
    this.version = Math.max(this.version, row.changed);
    if (row.supersedes !== undefined && row.status !== 'pending') this.#superseded.add(row.supersedes);
    const known = this.#slots.get(row.id);
    if (known !== undefined) {
      this.#verified[known] = row.status === 'verified';
      return;
    }
    const { embedding } = row;
    if (embedding?.length !== this.#dimensions || !isComparable(embedding)) return;
    const slot = this.#ids.length;
    if (slot === this.#tailLengths.length) this.#grow();
    const unit = normalize(embedding);
    this.#heads.set(unit.subarray(0, this.#head), slot * this.#head);
    this.#tails.set(unit.subarray(this.#head), slot * this.#tail);
    this.#tailLengths[slot] = lengthOf(unit.subarray(this.#head));
    this.#ids.push(row.id);
    this.#pointers.push(row.pointer);
    this.#verified.push(row.status === 'verified');
    this.#requires.push(row.requiresHash);
    this.#requirements.set(row.requiresHash, row.requires);
    this.#slots.set(row.id, slot);
  }

  /**
   * Returns every module that is among the `limit` most similar ones at or above the threshold, and all that tie with
   * the last of them. The best come first; the order of ties is undefined.
   */
  async search(
    wanted: Float32Array,
    threshold: number,
    limit: number,
    provided: readonly string[] | undefined,
  ): Promise<Scored[]> {
    if (wanted.length !== this.#dimensions || !isComparable(wanted)) return [];
    const query = normalize(wanted);
    const met = this.#met(provided);
    const best = new BestScores(threshold, limit);
    const count = this.#ids.length;
    for (let from = 0; from < count; from += SLICE) {
      if (from > 0) await new Promise(setImmediate);
      this.#scan(query, from, Math.min(from + SLICE, count), met, best);
    }
    return best.take((slot) => this.#ids[slot]!);
  }

  #scan(query: Float32Array, from: number, to: number, met: ReadonlySet<string> | undefined, best: BestScores): void {
    const queryHead = query.subarray(0, this.#head);
    const queryTail = query.subarray(this.#head);
    const queryTailLength = lengthOf(queryTail);
    for (let slot = from; slot < to; slot += 1) {
      const head = dot(queryHead, this.#heads, slot * this.#head);
      // By Cauchy and Schwarz the rest adds at most the product of the lengths, so no match is skipped.
      if (head + queryTailLength * this.#tailLengths[slot]! < best.floor - ROUNDING) continue;
      if (!this.#verified[slot] || (met !== undefined && !met.has(this.#requires[slot]!))) continue;
      const similarity = head + dot(queryTail, this.#tails, slot * this.#tail);
      if (similarity < best.floor - ROUNDING || this.#superseded.has(this.#pointers[slot]!)) continue;
      best.add(slot, similarity);
    }
  }

  #met(provided: readonly string[] | undefined): ReadonlySet<string> | undefined {
    if (provided === undefined) return undefined;
    const available = new Set(provided);
    const met = new Set<string>();
    for (const [hash, requires] of this.#requirements) {
      if (requires.every((name) => available.has(name))) met.add(hash);
    }
    return met;
  }

  #grow(): void {
    const capacity = this.#tailLengths.length * 2;
    this.#heads = grown(this.#heads, capacity * this.#head);
    this.#tails = grown(this.#tails, capacity * this.#tail);
    this.#tailLengths = grown(this.#tailLengths, capacity);
  }
}

/** Keeps the best scores, and all scores that equal the last of them. */
class BestScores {
  /** The score that a candidate must reach. */
  floor: number;
  readonly #limit: number;
  #pruneAt: number;
  #scores: { readonly slot: number; readonly similarity: number }[] = [];

  constructor(threshold: number, limit: number) {
    this.floor = threshold;
    this.#limit = limit;
    this.#pruneAt = 2 * limit + 64;
  }

  add(slot: number, similarity: number): void {
    this.#scores.push({ slot, similarity: Math.min(1, Math.max(-1, similarity)) });
    if (this.#scores.length >= this.#pruneAt) this.#prune();
  }

  take(idOf: (slot: number) => string): Scored[] {
    this.#prune();
    return this.#scores.map(({ slot, similarity }) => ({ id: idOf(slot), similarity }));
  }

  #prune(): void {
    this.#scores.sort((a, b) => b.similarity - a.similarity);
    const last = this.#scores[this.#limit - 1];
    if (last === undefined) return;
    this.floor = Math.max(this.floor, last.similarity);
    const end = this.#scores.findLastIndex(({ similarity }) => similarity >= last.similarity - ROUNDING);
    this.#scores = this.#scores.slice(0, end + 1);
    // Do not sort ten thousand equal scores again for each one that is added.
    this.#pruneAt = Math.max(this.#pruneAt, 2 * this.#scores.length);
  }
}

/**
 * Computes a dot product with four sums at once, which keeps the processor's units busy. The lengths are those of `a`.
 */
function dot(a: Float32Array, b: Float32Array, at: number): number {
  const { length } = a;
  const even = length - (length % 4);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let k = 0;
  for (; k < even; k += 4) {
    s0 += a[k]! * b[at + k]!;
    s1 += a[k + 1]! * b[at + k + 1]!;
    s2 += a[k + 2]! * b[at + k + 2]!;
    s3 += a[k + 3]! * b[at + k + 3]!;
  }
  for (; k < length; k += 1) s0 += a[k]! * b[at + k]!;
  return s0 + s1 + s2 + s3;
}

function grown(array: Float32Array, length: number): Float32Array {
  const larger = new Float32Array(length);
  larger.set(array);
  return larger;
}

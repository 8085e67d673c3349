/**
 * FNV-1a of UTF-16 code units as a signed 32-bit number. Collisions make a look-up slower but do not change its result.
 */
export const HASH_START: number = 0x811c9dc5 | 0;

export function hashOn(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}

const BITS_EACH = 16;

/**
 * Whether patterns may name a segment, decided by a few bits that fit the processor's caches. Patterns name few of a
 * target's segments, so the tables of many patterns are rarely needed.
 */
export class SegmentFilter {
  #bits = new Uint32Array(2);
  readonly #segments = new Set<string>();

  add(segment: string): void {
    if (this.#segments.has(segment)) return;
    this.#segments.add(segment);
    if (this.#segments.size * BITS_EACH > this.#bits.length * 32) {
      this.#bits = new Uint32Array(this.#bits.length * 2);
      for (const each of this.#segments) this.#set(hashOf(each));
    } else this.#set(hashOf(segment));
  }

  mayHold(hash: number): boolean {
    const bits = this.#bits;
    const low = bits[(hash >>> 5) & (bits.length - 1)] as number;
    return ((low >>> (hash & 31)) & 1) === 1;
  }

  #set(hash: number): void {
    const at = (hash >>> 5) & (this.#bits.length - 1);
    this.#bits[at] = (this.#bits[at] as number) | (1 << (hash & 31));
  }
}

function hashOf(segment: string): number {
  let hash = HASH_START;
  for (let at = 0; at < segment.length; at++) hash = hashOn(hash, segment.charCodeAt(at));
  return hash;
}

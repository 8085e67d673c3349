import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Quota } from '#core/limits';
import { GrowingBuffer } from '#core/text';

describe('a quota', () => {
  it('is never exceeded, and refuses only what does not fit', () => {
    const steps = fc.array(fc.record({ amount: fc.nat(50), gives: fc.boolean() }));
    fc.assert(
      fc.property(fc.nat(100), steps, (limit, all) => {
        const quota = new Quota(limit);
        const taken: number[] = [];
        for (const { amount, gives } of all) {
          const sum = taken.reduce((a, b) => a + b, 0);
          expect(quota.taken).toBe(sum);
          if (gives) quota.giveBack(taken.pop() ?? 0);
          else if (quota.take(amount)) taken.push(amount);
          else expect(sum + amount).toBeGreaterThan(limit);
          expect(quota.taken).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });
});

describe('a growing buffer', () => {
  it('holds what was appended, within its bound, and reserves at most twice of that beyond its first piece', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.array(fc.uint8Array({ maxLength: 2_000 })), (most, pieces) => {
        let reserved = 0;
        const buffer = new GrowingBuffer(most, (bytes) => {
          reserved += bytes;
          return true;
        });
        let kept = Buffer.alloc(0);
        for (const piece of pieces) {
          const fits = kept.length + piece.length <= most;
          expect(buffer.append(piece)).toBe(fits);
          if (fits) kept = Buffer.concat([kept, piece]);
        }
        expect(Buffer.from(buffer.bytes).equals(kept)).toBe(true);
        expect(reserved).toBeLessThanOrEqual(Math.min(most, Math.max(1_024, 2 * kept.length)));
      }),
    );
  });

  it('asks a few times for many pieces of one byte', () => {
    let asked = 0;
    const buffer = new GrowingBuffer(2 ** 20, () => {
      asked += 1;
      return true;
    });
    for (let i = 0; i < 2 ** 20; i++) buffer.append(Uint8Array.of(1));
    expect([buffer.length, asked]).toEqual([2 ** 20, 11]);
  });

  it('takes nothing of what it may not reserve', () => {
    const buffer = new GrowingBuffer(10_000, (bytes) => bytes <= 1_024);
    expect(buffer.append(new Uint8Array(1_000))).toBe(true);
    expect(buffer.append(new Uint8Array(2_000))).toBe(false);
    expect(buffer.length).toBe(1_000);
    expect(buffer.append(new Uint8Array(24))).toBe(true);
    buffer.release();
    expect(buffer.bytes).toHaveLength(0);
  });
});

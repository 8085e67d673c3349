import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryTier } from '../../src/cache/memory.ts';

describe('the memory tier', () => {
  it('evicts what was used least recently', () => {
    const tier = new MemoryTier<string>(30);
    for (const key of ['a', 'b', 'c']) tier.set(key, key, 10);
    tier.set('d', 'd', 10);
    expect(['a', 'b', 'c', 'd'].map((key) => tier.get(key))).toEqual([undefined, 'b', 'c', 'd']);
  });

  it('counts weight, not entries', () => {
    const tier = new MemoryTier<string>(100);
    for (let i = 0; i < 10; i += 1) tier.set(`small ${i}`, 's', 10);
    tier.set('large', 'l', 95);
    expect(tier.statistics).toMatchObject({ entries: 1, bytes: 95, evictions: 10 });
  });

  it('protects what is hit often from a sweep over many entries', () => {
    const tier = new MemoryTier<string>(100);
    tier.set('hot', 'hot', 10);
    tier.get('hot');
    for (let i = 0; i < 1_000; i += 1) tier.set(`swept ${i}`, 's', 10);
    expect(tier.get('hot')).toBe('hot');
    expect(tier.statistics.protectedEntries).toBe(1);
  });

  it('lets go of what was hit often once other entries are hit more recently', () => {
    const tier = new MemoryTier<string>(100);
    tier.set('old', 'old', 10);
    tier.get('old');
    for (let i = 0; i < 20; i += 1) {
      tier.set(`new ${i}`, 'n', 10);
      tier.get(`new ${i}`);
    }
    expect(tier.get('old')).toBeUndefined();
  });

  it('does not keep what is heavier than itself, and says so', () => {
    const tier = new MemoryTier<string>(10);
    expect(tier.set('a', 'a', 11)).toBe(false);
    expect(tier.statistics).toMatchObject({ entries: 0, tooLarge: 1 });
  });

  it('never holds more than its weight, never loses count, and gives back only what was put in last', () => {
    const key = fc.integer({ min: 0, max: 9 }).map(String);
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), key, weight: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ kind: fc.constantFrom('get' as const, 'delete' as const), key }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const tier = new MemoryTier<number>(100);
        const last = new Map<string, { value: number; weight: number }>();
        steps.forEach((current, value) => {
          if (current.kind === 'set') {
            const kept = tier.set(current.key, value, current.weight);
            if (kept) last.set(current.key, { value, weight: current.weight });
            else last.delete(current.key);
          } else if (current.kind === 'delete') {
            tier.delete(current.key);
            last.delete(current.key);
          } else {
            const found = tier.get(current.key);
            if (found !== undefined) expect(found).toBe(last.get(current.key)?.value);
          }
          expect(tier.statistics.bytes).toBeLessThanOrEqual(100);
        });
        const held = [...last].filter(([held]) => tier.get(held) !== undefined);
        expect(tier.statistics.entries).toBe(held.length);
        expect(tier.statistics.bytes).toBe(held.reduce((sum, [, { weight }]) => sum + weight, 0));
      }),
    );
  });
});

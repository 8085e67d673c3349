import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wasmDigestOf } from '../../src/cache/keys.ts';
import { KnownDigests } from '../../src/cache/known-digests.ts';

it('any sequence of components has the digests that hashing gives, whatever is kept and however the bytes change', async () => {
  const step = fc.record({ which: fc.nat(3), change: fc.boolean(), at: fc.nat(63) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 300 }), async (steps, maxBytes) => {
      const known = new KnownDigests(maxBytes);
      const components = [0, 1, 2, 3].map((seed) => new Uint8Array(64 + 40 * seed).fill(seed));
      for (const { which, change, at } of steps) {
        const component = components[which] as Uint8Array;
        if (change) component[at] = (component[at] as number) ^ 1;
        expect(await known.digestOf(component)).toBe(await wasmDigestOf(component));
      }
    }),
  );
});

it('a component that changes after it was kept is told from what it was', async () => {
  const known = new KnownDigests();
  const component = randomBytes(100_000);
  const before = await wasmDigestOf(component);
  for (let round = 0; round < 3; round += 1) expect(await known.digestOf(component)).toBe(before);
  component[99_999] = (component[99_999] as number) ^ 1;
  const after = await wasmDigestOf(component);
  expect(after).not.toBe(before);
  for (let round = 0; round < 3; round += 1) expect(await known.digestOf(component)).toBe(after);
});

it('concurrent requests for changing bytes never give one the digest of the other', async () => {
  const known = new KnownDigests();
  const large = new Uint8Array(5 * 2 ** 20);
  const zeros = await wasmDigestOf(new Uint8Array(large.length));
  await known.digestOf(large);
  const asked = known.digestOf(large);
  large.fill(1);
  await asked;
  expect(await known.digestOf(large)).toBe(await wasmDigestOf(large));
  expect(await known.digestOf(new Uint8Array(large.length))).toBe(zeros);
});

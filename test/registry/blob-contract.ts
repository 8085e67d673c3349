import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BlobInventory, BlobStore } from '#core/ports/registry';
import { digestOf } from '#security/signatures';

type Blobs = BlobStore & BlobInventory;

export interface BlobHarness {
  readonly blobs: Blobs;
  /** Time by which the store dates what it stores. */
  now(): number;
  close?(): Promise<void>;
}

/** What every blob store does. */
export function describeBlobs(name: string, start: () => Promise<BlobHarness>): void {
  describe(`blob store: ${name}`, () => {
    let harness: BlobHarness;
    let blobs: Blobs;
    beforeAll(async () => {
      harness = await start();
      blobs = harness.blobs;
    });
    afterAll(() => harness?.close?.());

    const content = (text: string): [string, Uint8Array] => [digestOf(Buffer.from(text)), Buffer.from(text)];
    const listed = async (): Promise<Map<string, number>> => {
      const all = new Map<string, number>();
      for await (const { pointer, storedAt } of blobs.list()) all.set(pointer, storedAt);
      return all;
    };

    it('gives back what was stored, and nothing for what was not', async () => {
      const [pointer, bytes] = content('some component');
      expect(await blobs.get(pointer, 1_000)).toBeUndefined();
      await blobs.put(pointer, bytes);
      expect(Buffer.from((await blobs.get(pointer, 1_000)) ?? [])).toEqual(bytes);
      await blobs.put(pointer, bytes);
      expect(Buffer.from((await blobs.get(pointer, 1_000)) ?? [])).toEqual(bytes);
    });

    it('reads no more than it was asked for', async () => {
      const [pointer, bytes] = content('0123456789');
      await blobs.put(pointer, bytes);
      expect(Buffer.from((await blobs.get(pointer, 4)) ?? []).toString()).toBe('0123');
      expect(await blobs.get(pointer, 10)).toHaveLength(10);
      expect(await blobs.get(pointer, 11)).toHaveLength(10);
    });

    it('stores megabytes', async () => {
      const bytes = Buffer.alloc(5_000_000, 'x');
      await blobs.put(digestOf(bytes), bytes);
      expect(digestOf((await blobs.get(digestOf(bytes), 1e7)) ?? new Uint8Array())).toBe(digestOf(bytes));
    });

    it('lists what it has with its time, and forgets what is deleted', async () => {
      const before = harness.now();
      const [pointer, bytes] = content('listed');
      await blobs.put(pointer, bytes);
      const storedAt = (await listed()).get(pointer);
      // S3 tells whole seconds.
      expect(Number(storedAt)).toBeGreaterThan(before - 1_000);
      expect(Number(storedAt)).toBeLessThan(harness.now() + 1_000);
      await blobs.delete(pointer);
      expect((await listed()).has(pointer)).toBe(false);
      expect(await blobs.get(pointer, 1)).toBeUndefined();
      await blobs.delete(pointer);
    });

    it('stores the same bytes from many writers at once', async () => {
      const [pointer, bytes] = content('at once');
      await Promise.all(Array.from({ length: 8 }, () => blobs.put(pointer, bytes)));
      expect(await blobs.get(pointer, 100)).toHaveLength(bytes.length);
    });

    it.each(['../../etc/passwd', 'sha256:..', `sha256:${'A'.repeat(64)}`, `sha256:${'a'.repeat(63)}/`, '', '\0'])(
      'takes %j for no pointer',
      async (pointer) => {
        const refused = { code: 'REGISTRY_BAD_RECORD' };
        await expect(blobs.put(pointer, new Uint8Array(1))).rejects.toMatchObject(refused);
        await expect(blobs.get(pointer, 1)).rejects.toMatchObject(refused);
        await expect(blobs.delete(pointer)).rejects.toMatchObject(refused);
      },
    );

    it('stops when it is aborted', async () => {
      const [pointer] = content('aborted');
      await expect(blobs.get(pointer, 1, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    });
  });
}

import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FolderBlobStore } from '#registry';
import { digestOf } from '#security/signatures';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from '../security/scratch.ts';
import { describeBlobs } from './blob-contract.ts';

describeBlobs('folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-blobs-'));
  const clock = new TestClock();
  return {
    blobs: new FolderBlobStore(folder, clock),
    now: () => clock.now(),
    close: async () => rmSync(folder, { recursive: true }),
  };
});

describe('folder of blobs', () => {
  it('makes a blob young again when it is stored again', async () => {
    const clock = new TestClock();
    const blobs = new FolderBlobStore(scratchFolder(), clock);
    const pointer = digestOf(Buffer.from('x'));
    for (const at of [0, 5_000]) {
      clock.advance(at);
      await blobs.put(pointer, Buffer.from('x'));
      for await (const { storedAt } of blobs.list()) expect(storedAt).toBe(clock.now());
    }
  });

  it('stores a blob that another deletes at the same time', async () => {
    const folder = scratchFolder();
    const pointer = digestOf(Buffer.from('x'));
    const file = join(folder, 'sha256', pointer.slice(7, 9), pointer.slice(9));
    const clock = new TestClock();
    const blobs = new FolderBlobStore(folder, clock);
    await blobs.put(pointer, Buffer.from('x'));
    // The store asks for the time between its look at the file and its use of it.
    const deleting = Object.assign(new TestClock(), {
      now: () => {
        rmSync(file, { force: true });
        return clock.now();
      },
    });
    await new FolderBlobStore(folder, deleting).put(pointer, Buffer.from('x'));
    expect(await blobs.get(pointer, 100)).toHaveLength(1);
  });

  it('mends a blob that was cut short', async () => {
    const folder = scratchFolder();
    const blobs = new FolderBlobStore(folder, new TestClock());
    const pointer = digestOf(Buffer.from('whole'));
    await blobs.put(pointer, Buffer.from('whole'));
    writeFileSync(join(folder, 'sha256', pointer.slice(7, 9), pointer.slice(9)), 'wh');
    await blobs.put(pointer, Buffer.from('whole'));
    expect(await blobs.get(pointer, 100)).toHaveLength(5);
  });

  it('clears away what a crash left, when it is old enough, and lists nothing else than blobs', async () => {
    const folder = scratchFolder();
    const clock = new TestClock();
    const blobs = new FolderBlobStore(folder, clock);
    const pointer = digestOf(Buffer.from('x'));
    await blobs.put(pointer, Buffer.from('x'));
    const place = join(folder, 'sha256', pointer.slice(7, 9));
    for (const name of ['.new-old', '.new-young', 'README']) writeFileSync(join(place, name), 'x');
    utimesSync(join(place, '.new-old'), 0, 0);
    utimesSync(join(place, '.new-young'), clock.now() / 1_000, clock.now() / 1_000);
    const pointers = [];
    for await (const blob of blobs.list()) pointers.push(blob.pointer);
    expect(pointers).toEqual([pointer]);
    expect(readdirSync(place).sort()).toEqual(['.new-young', pointer.slice(9), 'README'].sort());
  });

  it('says so when it cannot write', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'sha256'), 'a file where a folder belongs');
    const blobs = new FolderBlobStore(folder, new TestClock());
    await expect(blobs.put(digestOf(Buffer.from('x')), Buffer.from('x'))).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
    });
  });
});

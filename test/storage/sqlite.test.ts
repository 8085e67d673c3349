import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SqliteKeyValueStore } from '#storage';
import { LaterStore } from '../support/later-store.ts';
import { storageContract } from './storage-contract.ts';

const QUOTA = 200;

storageContract('embedded storage', () => new SqliteKeyValueStore());
storageContract('storage that answers later', () => new LaterStore());

describe('embedded storage in a file', () => {
  it('is still there when it is opened again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vivarium-storage-'));
    const path = join(folder, 'data.sqlite');
    const first = new SqliteKeyValueStore(path);
    first.open('a').set('k', Uint8Array.of(1), QUOTA);
    first.close();
    const second = new SqliteKeyValueStore(path);
    expect(second.open('a').get('k')).toEqual(Uint8Array.of(1));
    second.close();
    await rm(folder, { recursive: true });
  });

  it('says so when the file is no database', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vivarium-storage-'));
    await writeFile(join(folder, 'x'), 'this is not a database, it is text that is long enough to be read as a header');
    expect(() => new SqliteKeyValueStore(join(folder, 'x'))).toThrow(
      expect.objectContaining({ code: 'STORAGE_UNAVAILABLE' }),
    );
    expect(() => new SqliteKeyValueStore(join(folder, 'no/such/folder'))).toThrow(
      expect.objectContaining({ code: 'STORAGE_UNAVAILABLE' }),
    );
    await rm(folder, { recursive: true });
  });
});

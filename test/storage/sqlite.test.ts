import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SqliteKeyValueStore } from '#storage';

const text = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom(
    '',
    '\0',
    'a',
    'A',
    'a\0b',
    'ä',
    'a\u0308',
    '__proto__',
    '%',
    '_',
    'a%',
    '../x',
    '\u{10ffff}',
    "' OR 1=1 --",
  ),
);
const QUOTA = 200;

describe('embedded storage', () => {
  it('behaves as a map for each namespace, counters included, whatever the bytes of keys and namespaces', () => {
    const operation = fc.record({
      kind: fc.constantFrom('set', 'get', 'delete', 'list'),
      namespace: text,
      key: text,
      value: fc.uint8Array({ maxLength: 60 }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const store = new SqliteKeyValueStore();
        const model = new Map<string, Map<string, Uint8Array>>();
        for (const { kind, namespace, key, value } of operations) {
          const real = store.open(namespace);
          const entries = model.get(namespace) ?? new Map<string, Uint8Array>();
          model.set(namespace, entries);
          if (kind === 'set') {
            const growth = Buffer.byteLength(key) + value.length - weight(entries, key);
            const fits = growth <= 0 || total(entries) + growth <= QUOTA;
            expect(real.set(key, value, QUOTA)).toBe(fits);
            if (fits) entries.set(key, value);
          } else if (kind === 'get') expect(real.get(key)).toEqual(entries.get(key));
          else if (kind === 'delete') expect(real.delete(key)).toBe(entries.delete(key));
          else expect(real.list(key, 100)).toEqual([...entries.keys()].filter((k) => k.startsWith(key)).sort(byUtf8));
          expect(real.usage()).toEqual({ bytes: total(entries), keys: entries.size });
        }
        store.close();
      }),
    );
  });

  it('lists the keys that begin with a prefix, the prefix itself among them, and no others', () => {
    const letters = fc.constantFrom('a', 'b', 'ä', '\u{10ffff}', '\0');
    const key = fc.array(letters, { maxLength: 3 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 20 }), key, (keys, prefix) => {
        const store = new SqliteKeyValueStore();
        const namespace = store.open('n');
        for (const each of keys) namespace.set(each, Uint8Array.of(1), 1000);
        expect(namespace.list(prefix, 100)).toEqual(keys.filter((each) => each.startsWith(prefix)).sort(byUtf8));
        store.close();
      }),
    );
  });

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

function weight(entries: Map<string, Uint8Array>, key: string): number {
  const value = entries.get(key);
  return value === undefined ? 0 : Buffer.byteLength(key) + value.length;
}

function total(entries: Map<string, Uint8Array>): number {
  return [...entries.keys()].reduce((sum, key) => sum + weight(entries, key), 0);
}

function byUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

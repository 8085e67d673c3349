import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeyValueStore } from '#core/ports/storage';

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

/** What every storage back end does, whether it answers at once or later. */
export function storageContract(name: string, make: () => KeyValueStore): void {
  describe(name, () => {
    it('behaves as a map for each namespace, counters included, whatever the bytes of keys and namespaces', async () => {
      const operation = fc.record({
        kind: fc.constantFrom('set', 'get', 'delete', 'list'),
        namespace: text,
        key: text,
        value: fc.uint8Array({ maxLength: 60 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
          const store = make();
          const model = new Map<string, Map<string, Uint8Array>>();
          for (const { kind, namespace, key, value } of operations) {
            const real = store.open(namespace);
            const entries = model.get(namespace) ?? new Map<string, Uint8Array>();
            model.set(namespace, entries);
            if (kind === 'set') {
              const growth = Buffer.byteLength(key) + value.length - weight(entries, key);
              const fits = growth <= 0 || total(entries) + growth <= QUOTA;
              expect(await real.set(key, value, QUOTA)).toBe(fits);
              if (fits) entries.set(key, value);
            } else if (kind === 'get') expect(await real.get(key)).toEqual(entries.get(key));
            else if (kind === 'delete') expect(await real.delete(key)).toBe(entries.delete(key));
            else
              expect(await real.list(key, 100)).toEqual(
                [...entries.keys()].filter((k) => k.startsWith(key)).sort(byUtf8),
              );
            expect(await real.usage()).toEqual({ bytes: total(entries), keys: entries.size });
          }
          await store.close();
        }),
      );
    });

    it('lists the keys that begin with a prefix, the prefix itself among them, and no others', async () => {
      const letters = fc.constantFrom('a', 'b', 'ä', '\u{10ffff}', '\0');
      const key = fc.array(letters, { maxLength: 3 }).map((parts) => parts.join(''));
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(key, { maxLength: 20 }), key, async (keys, prefix) => {
          const store = make();
          const namespace = store.open('n');
          for (const each of keys) await namespace.set(each, Uint8Array.of(1), 1000);
          expect(await namespace.list(prefix, 100)).toEqual(
            keys.filter((each) => each.startsWith(prefix)).sort(byUtf8),
          );
          await store.close();
        }),
      );
    });
  });
}

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

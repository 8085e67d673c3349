import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LookupOutcome, ModuleRecord } from '#core/ports/registry';
import type { IndexBackend } from '#registry';
import { TestClock } from '../../src/testing/clock.ts';
import { referenceFind } from '../../tools/registry/reference-find.ts';
import { embedded, OTHER_INTERFACE, SOME_INTERFACE, someRecord } from './module-records.ts';

export interface IndexHarness {
  open(clock: TestClock): Promise<IndexBackend>;
  /** Deletes all modules; the embedder stays. */
  clear(): Promise<void>;
  /** Makes the database as new; nobody has it open. */
  reset(): Promise<void>;
  /** How many modules of one meaning the suite publishes. */
  readonly flood: number;
  close?(): Promise<void>;
  /** A change that somebody makes by hand; the statement is the same in every database. */
  tamper(sql: string): Promise<void>;
}

const verified = { status: 'verified', verification: '{}' } as const;
const hit = (record: ModuleRecord): LookupOutcome => ({
  requestHash: 'f'.repeat(64),
  interfaceHash: record.interfaceHash,
  outcome: 'hit',
  moduleId: record.id,
  elapsedMs: 4,
});

/** What every index does, whichever database is behind it. */
export function describeIndex(name: string, start: () => Promise<IndexHarness>): void {
  describe(`module index: ${name}`, () => {
    let harness: IndexHarness;
    let index: IndexBackend;
    const clock = new TestClock();

    beforeAll(async () => {
      harness = await start();
    });
    beforeEach(async () => {
      await harness.reset();
      index = await harness.open(clock);
    });
    afterEach(() => index.close());
    afterAll(() => harness?.close?.());

    const publish = async (record: ModuleRecord): Promise<ModuleRecord> => {
      await index.insert(record);
      await index.change(record.id, 'pending', verified);
      return (await index.get(record.id)) as ModuleRecord;
    };
    const found = async (query: Parameters<IndexBackend['find']>[0]): Promise<string[]> =>
      (await index.find(query)).map(({ record }) => record.id);

    it('gives back what was inserted', async () => {
      const record = embedded([1, -2.5, 1e-20], {
        requires: ['wasi:cli/environment@0.2.3', 'wasi:clocks/wall-clock@0.2.3'],
        supersedes: 'sha256:'.padEnd(71, '9'),
        verification: '{"v":1}',
        createdAt: 1_790_000_000_123,
        lastUsedAt: 1_790_000_000_456,
        useCount: 7,
      });
      expect(await index.insert(record)).toEqual(record);
      expect(await index.get(record.id)).toEqual(record);
      expect(await index.get(someRecord().id)).toBeUndefined();
    });

    it('keeps one record for the same bytes', async () => {
      const first = someRecord();
      await index.insert(first);
      const again = await index.insert(someRecord({ storagePointer: first.storagePointer, name: 'other' }));
      expect(again).toEqual(first);
      expect(await index.list({})).toEqual([first]);
    });

    it('keeps one record when many insert the same bytes at once', async () => {
      const { storagePointer } = someRecord();
      const all = await Promise.all(Array.from({ length: 8 }, () => index.insert(someRecord({ storagePointer }))));
      expect(new Set(all.map(({ id }) => id)).size).toBe(1);
      expect(await index.list({})).toHaveLength(1);
    });

    it('finds only what is verified', async () => {
      const record = embedded([1, 0]);
      await index.insert(record);
      const query = { interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(1, 0) };
      expect(await found(query)).toEqual([]);
      expect(await index.change(record.id, 'pending', verified)).toBe(true);
      expect(await found(query)).toEqual([record.id]);
      expect(await index.change(record.id, 'verified', { status: 'revoked', revocation: '{}' })).toBe(true);
      expect(await found(query)).toEqual([]);
      expect(await index.get(record.id)).toMatchObject({
        status: 'revoked',
        verification: undefined,
        revocation: '{}',
      });
    });

    it('changes a status only from the one that is named', async () => {
      const record = await publish(someRecord());
      expect(await index.change(record.id, 'pending', { status: 'revoked', revocation: '{}' })).toBe(false);
      expect(await index.change(someRecord().id, 'pending', verified)).toBe(false);
      expect((await index.get(record.id))?.status).toBe('verified');
    });

    it('exchanges the envelopes only of a record that is still as it was read', async () => {
      const record = await publish(embedded([1, 0]));
      const from = (await index.get(record.id))!;
      const change = { from, signature: '{"new":1}', keyId: 'another', verification: '{"new":2}' };
      expect(await index.resign(someRecord().id, change)).toBe(false);
      for (const other of [{ status: 'pending' }, { signature: '{"a":1}' }, { verification: undefined }] as const) {
        expect(await index.resign(record.id, { ...change, from: { ...from, ...other } })).toBe(false);
      }
      expect(await index.get(record.id)).toEqual(from);
      expect(await index.resign(record.id, change)).toBe(true);
      const { signature, keyId, verification } = change;
      expect(await index.get(record.id)).toEqual({ ...from, signature, keyId, verification });
      const query = { interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(1, 0) };
      expect((await index.find(query))[0]?.record).toMatchObject({ id: record.id, signature, keyId, verification });
      expect(await index.resign(record.id, change)).toBe(false);
    });

    it('exchanges the publication alone of a pending record', async () => {
      const record = someRecord();
      await index.insert(record);
      const from = (await index.get(record.id))!;
      expect(await index.resign(record.id, { from, signature: '{"new":1}', keyId: 'another' })).toBe(true);
      expect(await index.get(record.id)).toEqual({ ...from, signature: '{"new":1}', keyId: 'another' });
    });

    it('finds the newest of an interface when no meaning is asked for', async () => {
      const old = await publish(someRecord({ createdAt: 1 }));
      const young = await publish(someRecord({ createdAt: 3 }));
      await publish(someRecord({ createdAt: 9, interfaceHash: OTHER_INTERFACE }));
      expect(await found({ interfaceHash: SOME_INTERFACE })).toEqual([young.id]);
      expect(await found({ interfaceHash: SOME_INTERFACE, limit: 5 })).toEqual([young.id, old.id]);
    });

    it('does not offer what a verified or revoked module supersedes', async () => {
      const old = await publish(embedded([1, 0], { createdAt: 1 }));
      const successor = embedded([1, 0], { createdAt: 2, supersedes: old.storagePointer });
      const queries = [
        { interfaceHash: SOME_INTERFACE },
        { interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(1, 0) },
      ];
      await index.insert(successor);
      for (const query of queries) expect(await found(query)).toEqual([old.id]);
      await index.change(successor.id, 'pending', verified);
      for (const query of queries) expect(await found(query)).toEqual([successor.id]);
      await index.change(successor.id, 'verified', { status: 'revoked', revocation: '{}' });
      for (const query of queries) expect(await found(query)).toEqual([]);
    });

    it('lets no module of another interface supersede one', async () => {
      const module = await publish(embedded([1, 0]));
      await publish(embedded([1, 0], { interfaceHash: OTHER_INTERFACE, supersedes: module.storagePointer }));
      expect(await found({ interfaceHash: SOME_INTERFACE })).toEqual([module.id]);
      expect(await found({ interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(1, 0) })).toEqual([module.id]);
    });

    it('breaks ties by use count, then age, then id', async () => {
      const twins = ['0', '1', '2', '3'].map((digit) =>
        embedded([3, 4], { id: `${digit.repeat(8)}-0000-4000-8000-000000000000`, createdAt: 10 }),
      );
      const [used, second, first, oldest] = [twins[3]!, twins[2]!, twins[1]!, { ...twins[0]!, createdAt: 5 }];
      for (const record of [used, second, oldest, first]) await publish(record);
      await index.append(hit(used), 50);
      const query = { interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(6, 8), limit: 4 };
      expect(await found(query)).toEqual([used.id, oldest.id, first.id, second.id]);
      expect(await found({ ...query, limit: 2 })).toEqual([used.id, oldest.id]);
      expect((await index.get(used.id))?.lastUsedAt).toBe(50);
    });

    it.each([
      ['NaN', [Number.NaN, 1]],
      ['infinity', [Number.POSITIVE_INFINITY, 1]],
      ['zero', [0, 0]],
      ['three dimensions', [1, 0, 0]],
      ['no dimension', []],
    ])('matches nothing for a vector with %s', async (_, vector) => {
      await publish(embedded([1, 0]));
      expect(
        await found({ interfaceHash: SOME_INTERFACE, embedding: Float32Array.from(vector), threshold: -1 }),
      ).toEqual([]);
    });

    it('refuses vectors of another embedder, and of another dimension', async () => {
      await index.insert(embedded([1, 0]));
      await expect(index.insert(embedded([1, 0], { embedderId: 'another' }))).rejects.toMatchObject({
        code: 'REGISTRY_EMBEDDER_MISMATCH',
      });
      await expect(index.insert(embedded([1, 0, 0]))).rejects.toMatchObject({ code: 'REGISTRY_INVALID_EMBEDDING' });
      await expect(index.find({ interfaceHash: SOME_INTERFACE, embedderId: 'another' })).rejects.toMatchObject({
        code: 'REGISTRY_EMBEDDER_MISMATCH',
      });
      expect(await index.list({})).toHaveLength(1);
    });

    it.each([
      { interfaceHash: "x' OR 1=1" },
      { interfaceHash: SOME_INTERFACE, threshold: Number.NaN },
      { interfaceHash: SOME_INTERFACE, threshold: 1.5 },
      { interfaceHash: SOME_INTERFACE, limit: 0 },
      { interfaceHash: SOME_INTERFACE, limit: 2.5 },
    ])('refuses the query %j', async (query) => {
      await expect(index.find(query)).rejects.toMatchObject({ code: 'REGISTRY_INVALID_QUERY' });
    });

    it('takes SQL in every text field as text', async () => {
      const nasty = `'"; DROP TABLE modules; -- $1 ? \\ %_`;
      const record = someRecord({
        name: nasty,
        description: `${nasty}\n${nasty}`,
        requires: [nasty],
        signature: nasty,
        keyId: nasty,
        verification: nasty,
        embedderId: nasty,
        embedding: Float32Array.of(1),
      });
      await publish(record);
      expect(await index.get(record.id)).toEqual({ ...record, ...verified });
      expect(await index.list({ name: nasty })).toHaveLength(1);
      expect(await index.list({ name: "' OR '1'='1" })).toHaveLength(0);
      expect(await index.list({ after: "' OR '1'='1" })).toHaveLength(1);
      expect(await found({ interfaceHash: SOME_INTERFACE, provided: [nasty] })).toEqual([record.id]);
      expect(await found({ interfaceHash: SOME_INTERFACE, provided: ["'"] })).toEqual([]);
      await index.append({ ...hit(record), requestHash: nasty, moduleId: nasty }, 1);
      await index.condemn(nasty, 1);
      expect(await index.list({})).toHaveLength(1);
    });

    it('lists in pages, by status, name and interface', async () => {
      const records = Array.from({ length: 7 }, (_, at) => someRecord({ name: at < 3 ? 'few' : 'many' }));
      for (const record of records) await index.insert(record);
      const ids = records.map(({ id }) => id).toSorted();
      const first = await index.list({ limit: 4 });
      const rest = await index.list({ limit: 4, after: first.at(-1)?.id });
      expect([...first, ...rest].map(({ id }) => id)).toEqual(ids);
      expect(await index.list({ name: 'few' })).toHaveLength(3);
      expect(await index.list({ status: 'verified' })).toHaveLength(0);
      expect(await index.list({ interfaceHash: OTHER_INTERFACE })).toHaveLength(0);
    });

    it('evicts what was idle, with all that it superseded, and keeps the revoked', async () => {
      const first = await publish(embedded([1, 0], { createdAt: 10 }));
      const second = await publish(embedded([1, 0], { createdAt: 20, supersedes: first.storagePointer }));
      const third = await publish(embedded([1, 0], { createdAt: 30, supersedes: second.storagePointer }));
      const revoked = await publish(someRecord({ createdAt: 1 }));
      await index.change(revoked.id, 'verified', { status: 'revoked', revocation: '{}' });
      const young = await publish(embedded([0, 1], { createdAt: 90 }));
      await index.append(hit(first), 100);
      await index.append(hit(second), 100);
      expect((await index.evict({ idleSince: 50 })).toSorted()).toEqual([first.id, second.id, third.id].toSorted());
      expect((await index.list({})).map(({ id }) => id).toSorted()).toEqual([revoked.id, young.id].toSorted());
      expect(
        await found({ interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(1, 0), threshold: -1, limit: 9 }),
      ).toEqual([young.id]);
    });

    it('takes what was touched for used, and counts no use', async () => {
      const [kept, gone] = [await publish(someRecord({ createdAt: 1 })), await publish(someRecord({ createdAt: 1 }))];
      await index.touch(kept.id, 100);
      await index.touch(kept.id, 50);
      await index.touch(someRecord().id, 100);
      expect(await index.get(kept.id)).toEqual({ ...kept, lastUsedAt: 100 });
      expect(await index.evict({ idleSince: 100 })).toEqual([gone.id]);
    });

    it('evicts down to a number, the least used first', async () => {
      const records = [];
      for (let at = 0; at < 5; at += 1) records.push(await publish(embedded([1, at], { createdAt: 10 + at })));
      const [used, ...others] = records as [ModuleRecord, ...ModuleRecord[]];
      await index.append(hit(used), 11);
      expect(await index.evict({ keep: 2 })).toHaveLength(3);
      expect((await index.list({})).map(({ id }) => id).toSorted()).toEqual([used.id, others.at(-1)!.id].toSorted());
      expect(await index.evict({})).toEqual([]);
    });

    it('keeps a blob from being collected under a record, and a record from being inserted over a collection', async () => {
      const record = someRecord();
      const { storagePointer } = record;
      expect(await index.condemn(storagePointer, 1_000)).toBe(true);
      expect(await index.condemn(storagePointer, 1_000)).toBe(false);
      await expect(index.insert(record)).rejects.toMatchObject({ code: 'REGISTRY_BUSY' });
      clock.advance(1_001);
      await index.insert(record);
      expect(await index.condemn(storagePointer, 1_000)).toBe(false);
      await index.change(record.id, 'pending', { status: 'revoked', revocation: '{}' });
      expect(await index.condemn(storagePointer, 1_000)).toBe(true);
      await index.absolve(storagePointer);
      expect(await index.condemn(storagePointer, 1_000)).toBe(true);
    });

    it('counts lookups and the time that hits saved', async () => {
      const record = await publish(someRecord());
      const lookup = { requestHash: 'a', interfaceHash: SOME_INTERFACE } as const;
      expect(await index.statistics()).toMatchObject({ hitRate: 0, savedMs: 0, mostUsed: [] });
      await index.append({ ...lookup, outcome: 'miss', elapsedMs: 1_000 }, 1);
      await index.append({ ...lookup, outcome: 'miss', elapsedMs: 3_000 }, 2);
      await index.append(hit(record), 3);
      await index.append(hit(record), 4);
      await index.append({ ...lookup, interfaceHash: OTHER_INTERFACE, outcome: 'hit', elapsedMs: 5 }, 5);
      await index.append({ ...lookup, outcome: 'refused', elapsedMs: 5 }, 5);
      const statistics = await index.statistics();
      expect(statistics).toEqual({
        modules: { pending: 0, verified: 1, revoked: 0 },
        bytes: 1_000,
        outcomes: { hit: 3, miss: 2, refused: 1, failed: 0 },
        hitRate: 0.5,
        savedMs: 2 * 2_000 - 8,
        mostUsed: [{ id: record.id, name: 'adder', useCount: 2 }],
      });
      expect(await index.forget({ before: 4, keep: 9 })).toBe(3);
      expect((await index.statistics()).outcomes).toEqual({ hit: 2, miss: 0, refused: 1, failed: 0 });
      expect(await index.forget({ before: 0, keep: 3 })).toBe(0);
      // Two of them are of one time: what is kept may be fewer, never more.
      expect(await index.forget({ before: 0, keep: 2 })).toBe(1);
      expect(await index.forget({ before: 0, keep: 1 })).toBe(2);
    });

    it('passes over rows that were edited into nonsense', async () => {
      const good = await publish(embedded([1, 0], { createdAt: 1 }));
      const bad = await publish(embedded([1, 0], { createdAt: 2, name: 'edited' }));
      await harness.tamper("UPDATE modules SET storage_pointer = '../../etc/passwd' WHERE name = 'edited'");
      expect(await found({ interfaceHash: SOME_INTERFACE })).toEqual([]);
      expect(await found({ interfaceHash: SOME_INTERFACE, limit: 2 })).toEqual([good.id]);
      expect(await found({ interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(1, 0), limit: 2 })).toEqual([
        good.id,
      ]);
      expect(await index.list({})).toHaveLength(1);
      await expect(index.get(bad.id)).rejects.toMatchObject({ code: 'REGISTRY_BAD_RECORD' });
    });

    it('passes over a row with an integer that no number holds', async () => {
      const good = await publish(embedded([1, 0], { createdAt: 1 }));
      await publish(embedded([1, 0], { createdAt: 2, name: 'edited' }));
      await harness.tamper("UPDATE modules SET size = 9007199254740993 WHERE name = 'edited'");
      const embedding = Float32Array.of(1, 0);
      expect(await found({ interfaceHash: SOME_INTERFACE, limit: 2 })).toEqual([good.id]);
      expect(await found({ interfaceHash: SOME_INTERFACE, embedding, limit: 2 })).toEqual([good.id]);
      expect((await index.list({})).map(({ id }) => id)).toEqual([good.id]);
    });

    it('answers thousands of modules of one interface and one meaning in order', async () => {
      for (let from = 0; from < harness.flood; from += 50) {
        await Promise.all(
          Array.from({ length: 50 }, (_, at) =>
            index.insert(embedded([1, 2, 3], { status: 'verified', createdAt: 1_000_000 - from - at })),
          ),
        );
      }
      const query = { interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(2, 4, 6), limit: 3 };
      const oldest = await index.find(query);
      const first = 1_000_001 - harness.flood;
      expect(oldest.map(({ record }) => record.createdAt)).toEqual([first, first + 1, first + 2]);
      expect(await found(query)).toEqual(oldest.map(({ record }) => record.id));
    });

    it('finds what a brute-force search finds', async () => {
      const digits = fc.constantFrom(-2, -1, 0, 1, 2, 0.25);
      const module = fc.record({
        vector: fc.option(fc.tuple(digits, digits, digits).filter((vector) => vector.some((value) => value !== 0))),
        interfaceHash: fc.constantFrom(SOME_INTERFACE, OTHER_INTERFACE),
        requires: fc.subarray(['a', 'b']),
        status: fc.constantFrom('pending', 'verified', 'verified', 'verified', 'revoked'),
        createdAt: fc.nat(3),
        useCount: fc.nat(2),
        supersedes: fc.option(fc.nat(5)),
      });
      const question = fc.record({
        embedding: fc.option(fc.tuple(digits, digits, digits), { nil: undefined }),
        threshold: fc.constantFrom(-1, 0, 0.5, 0.95, 1),
        provided: fc.option(fc.subarray(['a', 'b']), { nil: undefined }),
        limit: fc.integer({ min: 1, max: 6 }),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(module, { maxLength: 12 }),
          fc.array(question, { maxLength: 4 }),
          async (modules, questions) => {
            await harness.clear();
            const records: ModuleRecord[] = [];
            for (const { vector, requires, supersedes, ...rest } of modules) {
              const changes = {
                ...rest,
                requires,
                requiresHash: `sha256:${requires.join('')}`.padEnd(71, '0'),
                supersedes: supersedes === null ? undefined : records[supersedes]?.storagePointer,
              } as Partial<ModuleRecord>;
              records.push(vector === null ? someRecord(changes) : embedded(vector, changes));
              await index.insert(records.at(-1)!);
            }
            for (const { embedding, ...rest } of questions) {
              const query = {
                ...rest,
                interfaceHash: SOME_INTERFACE,
                embedding: embedding && Float32Array.from(embedding),
              };
              expect(await found(query)).toEqual(referenceFind(records, query).map(({ record }) => record.id));
            }
          },
        ),
        { numRuns: 60 },
      );
    });
  });
}

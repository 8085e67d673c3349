import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ModuleQuery, ModuleRecord } from '#core/ports/registry';
import { PostgresModuleIndex } from '#registry';
import { SESSION } from '../../../src/registry/postgres/connection.ts';
import { nearestStatement } from '../../../src/registry/postgres/vector-search.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { embedded, OTHER_INTERFACE, SOME_INTERFACE } from '../../registry/module-records.ts';
import { startPglite } from '../../support/pglite-server.ts';

const clock = new TestClock();

async function byHand(url: string, sql: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await (values.length > 0 ? client.query(sql, values) : client.query(sql));
  await client.end();
  return rows;
}

describe('registry in PostgreSQL with pgvector', () => {
  it('searches a large interface by its index, and exactly where that finds too little', async () => {
    const server = await startPglite();
    onTestFinished(() => server.close());
    // Few enough that the index gives up on modules that are rare in a large interface. PGlite has one session for all.
    await byHand(server.url, 'CREATE EXTENSION vector; SET hnsw.max_scan_tuples = 300');
    const index = await PostgresModuleIndex.open({ url: server.url, clock });
    const noise = (): number[] => Array.from({ length: 32 }, () => Math.random() - 0.5);
    const target = noise();
    const rare = Array.from({ length: 10 }, () =>
      embedded(
        target.map((value) => value + (Math.random() - 0.5) / 2),
        { status: 'verified', interfaceHash: OTHER_INTERFACE },
      ),
    );
    for (const record of rare) await index.insert(record);
    const frugal: string[] = [];
    for (let at = 0; at < 2_500; at += 1) {
      const requires = at % 500 === 0 ? [] : ['wasi:filesystem/preopens@0.2.0'];
      const record = embedded(noise(), { status: 'verified', requires });
      if (requires.length === 0) frugal.push(record.id);
      await index.insert(record);
    }
    const query = { embedding: Float32Array.from(target), threshold: -1, limit: 10 };
    const found = async (from: typeof index, more: Partial<ModuleQuery> = {}): Promise<string[]> =>
      (await from.find({ ...query, interfaceHash: SOME_INTERFACE, ...more })).map(({ record }) => record.id);
    expect((await found(index, { interfaceHash: OTHER_INTERFACE })).toSorted()).toEqual(idsOf(rare));
    const before = await found(index);
    expect(before).toHaveLength(10);
    expect((await found(index, { provided: [] })).toSorted()).toEqual(frugal.toSorted());

    const values = [SOME_INTERFACE, `[${target.join(',')}]`, null, 20];
    await byHand(server.url, SESSION);
    const plan = await byHand(server.url, `EXPLAIN ${nearestStatement(32)}`, values);
    expect(JSON.stringify(plan)).toContain('Index Scan using vivarium_vectors_nearest');

    await index.close();
    await byHand(server.url, 'DROP TABLE vivarium_vectors');
    const again = await PostgresModuleIndex.open({ url: server.url, clock });
    expect(await found(again)).toEqual(before);
    // The index still takes the interface for a large one.
    await byHand(server.url, 'DELETE FROM vivarium_modules WHERE id <> ALL ($1)', [frugal]);
    expect((await found(again)).toSorted()).toEqual(frugal.toSorted());
    await again.close();
  });
});

function idsOf(records: readonly ModuleRecord[]): string[] {
  return records.map(({ id }) => id).sort();
}

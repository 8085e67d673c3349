import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { SqliteModuleIndex } from '#registry';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from '../security/scratch.ts';
import { describeIndex } from './index-contract.ts';
import { embedded, SOME_INTERFACE, someRecord } from './module-records.ts';

describeIndex('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-registry-'));
  const path = join(folder, 'nested', 'index.db');
  const byHand = async (sql: string): Promise<void> => {
    const database = new DatabaseSync(path, { timeout: 300_000 });
    database.exec(sql);
    database.close();
  };
  return {
    open: (clock) => SqliteModuleIndex.open({ path, clock }),
    clear: () => byHand('DELETE FROM modules; UPDATE interfaces SET generation = generation + 1'),
    reset: async () => {
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    },
    flood: 10_000,
    tamper: byHand,
    close: async () => rmSync(folder, { recursive: true }),
  };
});

describe('SQLite index', () => {
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)';
  it.each([
    [
      'a view that never ends in the place of a table',
      `DROP TABLE modules; CREATE VIEW modules AS ${endless} SELECT i AS id FROM n`,
    ],
    ['a view that nobody asks', `CREATE VIEW v AS ${endless} SELECT i FROM n`],
    [
      'a trigger that never ends',
      `CREATE TRIGGER t AFTER INSERT ON lookups BEGIN INSERT INTO condemned ${endless} SELECT 'p' || i, i FROM n; END`,
    ],
    ['a table more', 'CREATE TABLE pragma_table_list (x)'],
    ['an index more', 'CREATE INDEX i ON modules (lower(name))'],
    ['an index less', 'DROP INDEX modules_rank'],
    ['another column', 'ALTER TABLE modules ADD COLUMN more TEXT'],
    ['a version that it has not', 'PRAGMA user_version = 0'],
  ])('refuses a file with %s before it uses it', async (_, sql) => {
    const path = join(scratchFolder(), 'index.db');
    const clock = new TestClock();
    await (await SqliteModuleIndex.open({ path, clock })).close();
    await (await SqliteModuleIndex.open({ path, clock })).close();
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
    await expect(SqliteModuleIndex.open({ path, clock })).rejects.toMatchObject({ code: 'REGISTRY_SCHEMA' });
  });

  it('refuses a FIFO and a device in its place', async () => {
    if (process.platform === 'win32') return;
    const path = join(scratchFolder(), 'index.db');
    execFileSync('mkfifo', [path]);
    for (const planted of [path, '/dev/zero']) {
      const opening = SqliteModuleIndex.open({ path: planted, clock: new TestClock() });
      await expect(opening).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    }
  });

  it('sees what another process publishes, revokes and evicts', async () => {
    const path = join(scratchFolder(), 'index.db');
    const clock = new TestClock();
    const mine = await SqliteModuleIndex.open({ path, clock });
    const theirs = await SqliteModuleIndex.open({ path, clock });
    const query = { interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(1, 0), limit: 9 };
    const records = [embedded([1, 0], { status: 'verified' }), embedded([1, 0.01], { status: 'verified' })];
    expect(await mine.find(query)).toEqual([]);
    for (const record of records) await theirs.insert(record);
    expect(await mine.find(query)).toHaveLength(2);
    await theirs.change(records[0]!.id, 'verified', { status: 'revoked', revocation: '{}' });
    expect((await mine.find(query)).map(({ record }) => record.id)).toEqual([records[1]!.id]);
    await theirs.evict({ keep: 0 });
    expect(await mine.find(query)).toEqual([]);
    await Promise.all([mine.close(), theirs.close()]);
  });

  it('waits without blocking while another process writes', async () => {
    const path = join(scratchFolder(), 'index.db');
    const clock = new TestClock();
    const index = await SqliteModuleIndex.open({ path, clock });
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    clock.after(100, () => other.exec('COMMIT'));
    const record = someRecord();
    const began = clock.monotonic();
    await clock.during(index.insert(record));
    expect(clock.monotonic() - began).toBeGreaterThanOrEqual(100);
    expect(await index.get(record.id)).toEqual(record);
    other.close();
    await index.close();
  });

  it('refuses a schema of a newer program, and a file that is no database', async () => {
    const folder = scratchFolder();
    const clock = new TestClock();
    const newer = new DatabaseSync(join(folder, 'newer.db'));
    newer.exec('PRAGMA user_version = 999');
    newer.close();
    await expect(SqliteModuleIndex.open({ path: join(folder, 'newer.db'), clock })).rejects.toMatchObject({
      code: 'REGISTRY_SCHEMA',
    });
    writeFileSync(join(folder, 'text.db'), 'this is not a database, whatever its name says'.repeat(100));
    await expect(SqliteModuleIndex.open({ path: join(folder, 'text.db'), clock })).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
    });
    await expect(SqliteModuleIndex.open({ path: join(folder, 'text.db', 'x.db'), clock })).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
    });
  });

  it('scans an interface that is larger than the memory for vectors', async () => {
    const index = await SqliteModuleIndex.open({ path: ':memory:', clock: new TestClock(), vectorCacheBytes: 1 });
    const records = Array.from({ length: 40 }, (_, at) => embedded([1, at], { status: 'verified' }));
    for (const record of records) await index.insert(record);
    const [match] = await index.find({ interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(1, 7) });
    expect(match?.record.id).toBe(records[7]!.id);
    expect(match?.similarity).toBeCloseTo(1, 6);
    await index.close();
  });
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { chunkPath } from '../../../src/bundle/chunks/chunk-path.ts';
import { loadLockfile } from '../../../src/bundle/lockfile/lockfile-file.ts';
import { type PackReport, pack } from '../../../src/bundle/pack.ts';
import { declaredShape } from '../../../src/bundle/sources/chunk-shape.ts';
import { SqliteReader } from '../../../src/bundle/sources/sqlite-reader.ts';
import { SqliteSource, type SqliteSourceOptions } from '../../../src/bundle/sources/sqlite-source.ts';
import { SqliteTarget } from '../../../src/bundle/sources/sqlite-target.ts';
import { unpack } from '../../../src/bundle/unpack.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { databases, readDatabase, type SourceDatabase, writeDatabase } from '../../../tools/bundle/source-database.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const clock = new TestClock();
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

async function push(
  path: string,
  folder: string,
  options: Partial<Omit<SqliteSourceOptions, 'clock'>> & {
    strict?: boolean;
    generatedAtMs?: number;
    inProcess?: boolean;
  } = {},
): Promise<PackReport> {
  const { open } = options.inProcess === true ? SqliteReader : SqliteSource;
  const source = await open({ path, producerVersion: '1', lockWaitMs: 20, clock: systemClock, ...options });
  try {
    return await pack(source, folder, { clock, ...options });
  } finally {
    await source.close();
  }
}

async function pull(folder: string, path: string, force = false): Promise<void> {
  const { lockfile } = await loadLockfile(folder, 'mache');
  await unpack(
    lockfile,
    folder,
    new SqliteTarget({ path, shape: declaredShape(lockfile.meta), meta: lockfile.meta, clock, force }),
  );
}

async function roundTrip(database: SourceDatabase): Promise<SourceDatabase> {
  using folder = temporaryFolder();
  writeDatabase(folder.at('in.db'), database);
  await push(folder.at('in.db'), folder.at('out'), { strict: true });
  await pull(folder.at('out'), folder.at('out.db'));
  return readDatabase(folder.at('out.db'));
}

function sqlDatabase(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

describe('push then pull of a source database', () => {
  it('is identity on what a bundle carries', async () => {
    await fc.assert(
      fc.asyncProperty(databases, async (database) => {
        using folder = temporaryFolder();
        writeDatabase(folder.at('in.db'), database);
        await push(folder.at('in.db'), folder.at('out'), { inProcess: true });
        await pull(folder.at('out'), folder.at('out.db'));
        const restored = readDatabase(folder.at('out.db'));
        const original = readDatabase(folder.at('in.db'));
        expect(restored.sources).toEqual(original.sources);
        // A database with syntax trees that has no node comes back without the empty table being told apart.
        expect(restored.ast ?? []).toEqual(original.ast ?? []);
      }),
      { numRuns: 60 },
    );
  });

  it('is the same through the child process, in batches and pieces of any size', async () => {
    using folder = temporaryFolder();
    const sources = [0, 1, 2 ** 20, 2 ** 20 + 1, 3 * 2 ** 20].map((size, index) => {
      const path = `p${index}`;
      return { id: path, path, language: 'go', content: new Uint8Array(Buffer.alloc(size, path)) };
    });
    const many = Array.from({ length: 5_000 }, (_, index) => {
      const path = `q${index}`;
      return { id: path, path, language: 'go', content: bytes(path) };
    });
    writeDatabase(folder.at('in.db'), { sources: [...sources, ...many] });
    const reports = [await push(folder.at('in.db'), folder.at('child'))];
    reports.push(await push(folder.at('in.db'), folder.at('here'), { inProcess: true }));
    expect(reports[0]!.chunks).toBe(5_005);
    expect(reports[0]!.lockfile.sources).toEqual(reports[1]!.lockfile.sources);
  });

  it('keeps empty, binary and misleading content', async () => {
    const contents = ['', '\0\x01\xff', '{"source_id":"a","path":"b"}', '{"__proto__":{"source_id":"x"}}'];
    const sources = contents.map((content, index) => ({
      id: `${index}`,
      path: `${index}`,
      language: 'json',
      content: new Uint8Array(Buffer.from(content, 'latin1')),
    }));
    expect((await roundTrip({ sources })).sources).toEqual(sources);
  });

  it('gives the same bytes twice, and keeps the time while the root is the same', async () => {
    using folder = temporaryFolder();
    writeDatabase(folder.at('in.db'), { sources: [{ id: 'a', path: 'a', language: 'go', content: bytes('x') }] });
    const ticking = new TestClock(1000);
    const source = () => SqliteSource.open({ clock: systemClock, path: folder.at('in.db'), producerVersion: '1' });
    await pack(await source(), folder.at('out'), { clock: ticking });
    const first = readFileSync(folder.at('out', 'mache.lock.bin'));
    ticking.setWall(9000);
    const again = await pack(await source(), folder.at('out'), { clock: ticking });
    expect(readFileSync(folder.at('out', 'mache.lock.bin'))).toEqual(first);
    expect(again.chunksAdded).toBe(0);
    const pinned = await pack(await source(), folder.at('other'), { clock: ticking, generatedAtMs: 42_000 });
    expect(pinned.lockfile.meta.generatedAtMs).toBe(42_000);
  });

  it('writes chunks with syntax trees byte for byte as the format says', async () => {
    using folder = temporaryFolder();
    writeDatabase(folder.at('in.db'), {
      sources: [
        { id: 's1', path: 'a.go', language: 'go', content: bytes('package a\n') },
        { id: 's2', path: 'b"\u2028\u0001.go', language: null, content: bytes('<&>') },
      ],
      ast: [
        {
          node_id: 'n2',
          source_id: 's1',
          node_kind: 'ident',
          start_byte: 8,
          end_byte: 9,
          start_row: 0,
          start_col: 8,
          end_row: 0,
          end_col: 9,
        },
        {
          node_id: 'n1',
          source_id: 's1',
          node_kind: 'file',
          start_byte: 0,
          end_byte: 10,
          start_row: 0,
          start_col: 0,
          end_row: 1,
          end_col: 0,
        },
      ],
    });
    const { lockfile } = await push(folder.at('in.db'), folder.at('out'));
    const chunk = (index: number) =>
      readFileSync(chunkPath(folder.at('out'), lockfile.sources[index]?.chunkHash ?? ''), 'utf8');
    expect(chunk(0)).toBe(
      '{"ast_nodes":[{"node_id":"n1","node_kind":"file","start_byte":0,"end_byte":10,"start_row":0,"start_col":0,"end_row":1,"end_col":0},' +
        '{"node_id":"n2","node_kind":"ident","start_byte":8,"end_byte":9,"start_row":0,"start_col":8,"end_row":0,"end_col":9}],' +
        '"content_b64":"cGFja2FnZSBhCg==","language":"go","path":"a.go","source_id":"s1"}\n',
    );
    expect(chunk(1)).toBe(
      '{"ast_nodes":null,"content_b64":"PCY+","language":"","path":"b\\"\\u2028\\u0001.go","source_id":"s2"}\n',
    );
    expect(lockfile.sources.map(({ kind }) => kind)).toEqual(['go-source', 'unknown']);
  });

  it('reads rows without content below the source root only', async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.at('root', 'sub'), { recursive: true });
    writeFileSync(folder.at('root', 'sub', 'real.go'), 'real');
    writeFileSync(folder.at('secret'), 'secret');
    mkdirSync(folder.at('elsewhere'));
    writeFileSync(folder.at('elsewhere', 'file'), 'secret');
    symlinkSync(folder.at('secret'), folder.at('root', 'link'));
    symlinkSync(folder.at('elsewhere'), folder.at('root', 'folder-link'));
    const row = (path: string) => ({ id: path, path, language: 'go', content: null });
    const paths = ['sub/real.go', 'link', 'folder-link/file', 'absent', 'sub'];
    writeDatabase(folder.at('in.db'), { sources: paths.map(row) });

    const report = await push(folder.at('in.db'), folder.at('out'), { sourceRoot: folder.at('root') });
    expect(report.lockfile.sources.map(({ path }) => path)).toEqual(['sub/real.go']);
    expect(report.leftOut.join('\n')).toMatch(/"link": its path leads through a link/);
    expect(report.leftOut).toHaveLength(4);
    await expect(push(folder.at('in.db'), folder.at('none'))).rejects.toMatchObject({ code: 'BUNDLE_EMPTY' });
  });

  it.each(['../secret', '/etc/passwd', 'sub/../../secret'])(
    'refuses a database that names the path %s',
    async (path) => {
      using folder = temporaryFolder();
      mkdirSync(folder.at('root', 'sub'), { recursive: true });
      writeFileSync(folder.at('secret'), 'secret');
      writeDatabase(folder.at('in.db'), { sources: [{ id: 'a', path, language: 'go', content: null }] });
      const attempt = push(folder.at('in.db'), folder.at('out'), { sourceRoot: folder.at('root') });
      await expect(attempt).rejects.toMatchObject({ code: 'BUNDLE_INVALID_DATABASE' });
    },
  );

  it('names what it leaves out, and refuses to with strict', async () => {
    using folder = temporaryFolder();
    sqlDatabase(
      folder.at('in.db'),
      `CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB, hash TEXT);
       CREATE TABLE notes (x); CREATE INDEX i ON notes (x); CREATE VIEW v AS SELECT 1;
       INSERT INTO _source VALUES ('1', 'a', 'go', 'text', NULL), ('b', 'b', 'go', NULL, NULL);`,
    );
    const report = await push(folder.at('in.db'), folder.at('out'));
    expect(report.leftOut.toSorted()).toEqual([
      '1 ids that differ from their path (the path is restored instead)',
      '1 sources whose content is not a blob (it is restored as one)',
      'column _source."hash"',
      'source "b": it has no content',
      'table "notes"',
      'view "v"',
    ]);
    await expect(push(folder.at('in.db'), folder.at('strict'), { strict: true })).rejects.toMatchObject({
      code: 'BUNDLE_LEFT_OUT',
    });
  });
});

/** Processes that this one started, where the system tells. */
const children = (): number =>
  process.platform === 'linux' ? readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').length : 0;

describe('hostile databases', () => {
  const table = 'CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB);';
  it.each([
    ['without tables', '', 'BUNDLE_INVALID_DATABASE'],
    ['without rows', table, 'BUNDLE_EMPTY'],
    ['with a NULL id', `${table} INSERT INTO _source VALUES (NULL, 'a', 'go', x'00')`, 'BUNDLE_INVALID_DATABASE'],
    [
      'with two equal paths',
      `${table} INSERT INTO _source VALUES ('a', 'p', 'go', x'00'), ('b', 'p', 'go', x'01')`,
      'BUNDLE_INVALID_DATABASE',
    ],
    ['without a column', 'CREATE TABLE _source (id TEXT, path TEXT)', 'BUNDLE_INVALID_DATABASE'],
    [
      'whose _source is an endless view',
      `CREATE VIEW _source AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, id AS path, id AS language, id AS content FROM n`,
      'BUNDLE_INVALID_DATABASE',
    ],
    [
      'whose table has the name of a function that tells the schema, beside a view that never ends',
      `CREATE TABLE pragma_table_list (schema, name, type); CREATE TABLE pragma_table_xinfo (name, hidden);
       INSERT INTO pragma_table_list VALUES ('main', '_source', 'table');
       INSERT INTO pragma_table_xinfo VALUES ('id', 0), ('path', 0), ('content', 0), ('language', 0);
       CREATE VIEW _source AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, id AS path, id AS language, id AS content FROM n`,
      'BUNDLE_INVALID_DATABASE',
    ],
    [
      'with views of views, of which each is twice the work',
      `${table} ${Array.from({ length: 60 }, (_, n) => `CREATE VIEW v${n} AS SELECT * FROM ${n === 0 ? '_source' : `v${n - 1} a, v${n - 1} b`};`).join('\n')}`,
      'BUNDLE_EMPTY',
    ],
    [
      'whose _source is a virtual table',
      'CREATE VIRTUAL TABLE _source USING fts5(id, path, content)',
      'BUNDLE_INVALID_DATABASE',
    ],
    [
      'with a computed column',
      `CREATE TABLE _source (id TEXT, path TEXT, language TEXT, content BLOB GENERATED ALWAYS AS (zeroblob(1000000000)))`,
      'BUNDLE_INVALID_DATABASE',
    ],
    [
      'with a node that has no kind',
      `${table} INSERT INTO _source VALUES ('a', 'a', 'go', x'00');
       CREATE TABLE _ast (node_id, source_id, node_kind, start_byte, end_byte); INSERT INTO _ast VALUES (1, 'a', NULL, 0, 0)`,
      'BUNDLE_INVALID_DATABASE',
    ],
    [
      'with a node beyond 2^53',
      `${table} INSERT INTO _source VALUES ('a', 'a', 'go', x'00');
       CREATE TABLE _ast (node_id, source_id, node_kind, start_byte, end_byte); INSERT INTO _ast VALUES (1, 'a', 'k', 0, 9223372036854775807)`,
      'BUNDLE_INVALID_DATABASE',
    ],
    [
      'with a source above the limit',
      `${table} INSERT INTO _source VALUES ('a', 'a', 'go', zeroblob(2000001))`,
      'BUNDLE_TOO_LARGE',
    ],
  ])('%s', async (_, sql, code) => {
    using folder = temporaryFolder();
    sqlDatabase(folder.at('in.db'), sql === '' ? 'CREATE TABLE other (x)' : sql);
    const attempt = push(folder.at('in.db'), folder.at('out'), { maxSourceBytes: 2_000_000 });
    await expect(attempt).rejects.toMatchObject({ code });
    await expect(loadLockfile(folder.at('out'), 'mache')).rejects.toMatchObject({ code: 'BUNDLE_NOT_FOUND' });
  });

  it.skipIf(process.platform === 'win32')('that are a FIFO or a device', async () => {
    using folder = temporaryFolder();
    execFileSync('mkfifo', [folder.at('fifo')]);
    for (const path of [folder.at('fifo'), '/dev/zero']) {
      await expect(push(path, folder.at('out'))).rejects.toMatchObject({ code: 'BUNDLE_INVALID_DATABASE' });
    }
  });

  it('that take SQLite longer than they may are given up with their process', async () => {
    using folder = temporaryFolder();
    sqlDatabase(folder.at('in.db'), `${table} INSERT INTO _source VALUES ('a', 'a', 'go', x'00')`);
    const before = children();
    await expect(push(folder.at('in.db'), folder.at('out'), { maxStepMs: 0 })).rejects.toMatchObject({
      code: 'BUNDLE_INVALID_DATABASE',
      message: expect.stringContaining('reading it takes more than 0 ms'),
    });
    await vi.waitUntil(() => children() <= before, { timeout: 300_000 });
  });

  it('with a WITHOUT ROWID table, an index over an expression and a check are read as others', async () => {
    using folder = temporaryFolder();
    sqlDatabase(
      folder.at('in.db'),
      `CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB CHECK (length(content) < 9)) WITHOUT ROWID;
       CREATE INDEX e ON _source (lower(path) || zeroblob(10)); INSERT INTO _source VALUES ('a', 'a', 'go', x'00');`,
    );
    expect(await push(folder.at('in.db'), folder.at('out'))).toMatchObject({ chunks: 1, leftOut: [] });
  });

  it('an empty file, a text and a missing file', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('empty.db'), '');
    writeFileSync(folder.at('text.db'), 'this is not a database, it only looks long enough to be one'.repeat(100));
    await expect(push(folder.at('empty.db'), folder.at('out'))).rejects.toMatchObject({
      code: 'BUNDLE_INVALID_DATABASE',
    });
    await expect(push(folder.at('text.db'), folder.at('out'))).rejects.toThrow(/is not an SQLite database/);
    await expect(push(folder.at('none.db'), folder.at('out'))).rejects.toMatchObject({ code: 'BUNDLE_NOT_FOUND' });
  });

  it('a locked one', async () => {
    using folder = temporaryFolder();
    writeDatabase(folder.at('in.db'), { sources: [] });
    using lock = new DatabaseSync(folder.at('in.db'));
    lock.exec('BEGIN EXCLUSIVE');
    await expect(push(folder.at('in.db'), folder.at('out'))).rejects.toMatchObject({ code: 'BUNDLE_DATABASE_LOCKED' });
  });

  it('a damaged one', async () => {
    using folder = temporaryFolder();
    const sources = Array.from({ length: 200 }, (_, index) => ({
      id: `${index}`,
      path: `${index}`,
      language: 'go',
      content: new Uint8Array(500).fill(index),
    }));
    writeDatabase(folder.at('in.db'), { sources });
    const file = readFileSync(folder.at('in.db'));
    file.fill(0x5a, 4096, 4096 * 8);
    writeFileSync(folder.at('in.db'), file);
    await expect(push(folder.at('in.db'), folder.at('out'))).rejects.toMatchObject({ code: 'BUNDLE_INVALID_DATABASE' });
  });
});

describe('restoring', () => {
  it('leaves a database that is there alone, unless told to replace it', async () => {
    using folder = temporaryFolder();
    writeDatabase(folder.at('in.db'), { sources: [{ id: 'a', path: 'a', language: 'go', content: bytes('new') }] });
    await push(folder.at('in.db'), folder.at('out'));
    writeFileSync(folder.at('there.db'), 'mine');
    await expect(pull(folder.at('out'), folder.at('there.db'))).rejects.toMatchObject({ code: 'BUNDLE_TARGET_EXISTS' });
    expect(readFileSync(folder.at('there.db'), 'utf8')).toBe('mine');
    await pull(folder.at('out'), folder.at('there.db'), true);
    expect(readDatabase(folder.at('there.db')).sources).toHaveLength(1);
    writeFileSync(`${folder.at('there.db')}-wal`, 'log');
    await expect(pull(folder.at('out'), folder.at('there.db'), true)).rejects.toThrow(/belongs to a database in use/);
  });

  it('makes nothing when a chunk is damaged', async () => {
    using folder = temporaryFolder();
    const sources = ['a', 'b'].map((id) => ({ id, path: id, language: 'go', content: bytes(id) }));
    writeDatabase(folder.at('in.db'), { sources });
    const { lockfile } = await push(folder.at('in.db'), folder.at('out'));
    const [first, second] = lockfile.sources.map(({ chunkHash }) => chunkPath(folder.at('out'), chunkHash));
    writeFileSync(second as string, readFileSync(first as string));
    await expect(pull(folder.at('out'), folder.at('out.db'))).rejects.toMatchObject({ code: 'BUNDLE_CHUNK_CORRUPT' });
    expect(() => readFileSync(folder.at('out.db'))).toThrow(/ENOENT/);
  });
});

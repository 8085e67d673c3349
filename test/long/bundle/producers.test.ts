import { mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blake3 } from '../../../src/bundle/blake3.ts';
import { loadLockfile } from '../../../src/bundle/lockfile/lockfile-file.ts';
import { pack } from '../../../src/bundle/pack.ts';
import { declaredShape } from '../../../src/bundle/sources/chunk-shape.ts';
import { SqliteSource } from '../../../src/bundle/sources/sqlite-source.ts';
import { SqliteTarget } from '../../../src/bundle/sources/sqlite-target.ts';
import { unpack } from '../../../src/bundle/unpack.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const clock = new TestClock();

/** The tables as ley-line-open makes them; the last column and the last table since July 2026. */
const SOURCE = 'CREATE TABLE _source (id TEXT PRIMARY KEY, language TEXT NOT NULL, content BLOB, path TEXT);';
const SOURCE_BY_HASH =
  'CREATE TABLE _source (id TEXT PRIMARY KEY, language TEXT NOT NULL, content BLOB, path TEXT, content_hash BLOB);' +
  'CREATE TABLE source_blobs (hash BLOB PRIMARY KEY, bytes BLOB NOT NULL);';
const AST = `CREATE TABLE _ast (node_id TEXT PRIMARY KEY, source_id TEXT NOT NULL, node_kind TEXT NOT NULL,
  start_byte INTEGER NOT NULL, end_byte INTEGER NOT NULL, start_row INTEGER NOT NULL, start_col INTEGER NOT NULL,
  end_row INTEGER NOT NULL, end_col INTEGER NOT NULL);
  CREATE INDEX idx_ast_source ON _ast(source_id);
  CREATE TABLE nodes (id TEXT PRIMARY KEY, parent_id TEXT, name TEXT, kind INTEGER, size INTEGER, mtime INTEGER, record TEXT);`;

interface Row {
  readonly id: string;
  readonly content: string;
  /** `inline`: in the row, without a path; `file`: in a file with an absolute path; `hash`: in `source_blobs`. */
  readonly form: 'inline' | 'file' | 'hash';
  readonly language: string;
}

async function write(path: string, root: string, rows: readonly Row[], ast: boolean): Promise<void> {
  using database = new DatabaseSync(path);
  const byHash = rows.some(({ form }) => form === 'hash');
  database.exec((byHash ? SOURCE_BY_HASH : SOURCE) + (ast ? AST : ''));
  for (const { id, content, form, language } of rows) {
    const file = form === 'inline' ? null : join(root, id);
    const value = form === 'inline' ? Buffer.from(content) : null;
    database
      .prepare('INSERT INTO _source (id, language, content, path) VALUES (?, ?, ?, ?)')
      .run(id, language, value, file);
    if (form === 'hash') {
      const hash = Buffer.from(await blake3(Buffer.from(content)), 'hex');
      database.prepare('INSERT OR IGNORE INTO source_blobs VALUES (?, ?)').run(hash, Buffer.from(content));
      database.prepare('UPDATE _source SET content_hash = ? WHERE id = ?').run(hash, id);
    }
    if (form === 'file') {
      mkdirSync(join(root, id, '..'), { recursive: true });
      writeFileSync(join(root, id), content);
    }
    if (ast) {
      database
        .prepare('INSERT INTO _ast VALUES (?, ?, ?, 0, ?, 0, 0, 0, 1)')
        .run(`${id}/source_file`, id, 'source_file', content.length);
    }
  }
}

async function push(path: string, folder: string, sourceRoot?: string) {
  const source = await SqliteSource.open({
    clock: systemClock,
    path,
    producerVersion: '1',
    ...(sourceRoot && { sourceRoot }),
  });
  try {
    return await pack(source, folder, { clock });
  } finally {
    await source.close();
  }
}

async function pull(folder: string, path: string, force = false): Promise<void> {
  const { lockfile } = await loadLockfile(folder, 'mache');
  const { meta } = lockfile;
  await unpack(lockfile, folder, new SqliteTarget({ path, shape: declaredShape(meta), meta, clock, force }));
}

function read(path: string, sql: string): Record<string, unknown>[] {
  using database = new DatabaseSync(path, { readOnly: true });
  return database.prepare(sql).all();
}

const rowsOf = (path: string) =>
  read(path, 'SELECT id, language, path, CAST(content AS TEXT) AS content FROM _source ORDER BY id');

const name = fc.stringMatching(/^[a-z]{1,6}$/);
const row = fc.record({
  id: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `${parts.join('/')}.go`),
  content: fc.string({ maxLength: 20 }).filter((text) => text.isWellFormed() && !text.includes('\0')),
  form: fc.constantFrom('inline' as const, 'file' as const, 'hash' as const),
  language: fc.constantFrom('go', 'rust', 'typescript'),
});
const rows = fc.uniqueArray(row, { minLength: 1, maxLength: 8, selector: ({ id }) => id });

describe('databases as their producers make them', () => {
  it('are packed, wherever a row has its content, and come back with the paths that they had', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.boolean(), async (generated, ast) => {
        using folder = temporaryFolder();
        mkdirSync(folder.at('project'));
        const root = realpathSync(folder.at('project'));
        await write(folder.at('in.db'), root, generated, ast);
        const { lockfile } = await push(folder.at('in.db'), folder.at('out'), root);
        const sorted = generated.toSorted((left, right) => Buffer.compare(Buffer.from(left.id), Buffer.from(right.id)));
        expect(lockfile.sources.map(({ path, kind }) => [path, kind])).toEqual(
          sorted.map(({ id, language }) => [id, `${language}-source`]),
        );
        await pull(folder.at('out'), folder.at('out.db'));
        expect(rowsOf(folder.at('out.db'))).toEqual(
          sorted.map(({ id, language, form, content }) => ({
            id,
            language,
            path: form === 'inline' ? null : join(root, id),
            content,
          })),
        );
        const nodes = 'SELECT * FROM _ast ORDER BY node_id';
        if (ast) expect(read(folder.at('out.db'), nodes)).toEqual(read(folder.at('in.db'), nodes));
      }),
      { numRuns: 30 },
    );
  });

  it('of the oldest kind, without paths, are packed by their ids', async () => {
    using folder = temporaryFolder();
    using database = new DatabaseSync(folder.at('in.db'));
    database.exec('CREATE TABLE _source (id TEXT PRIMARY KEY, language TEXT NOT NULL, content BLOB NOT NULL)');
    database.exec("INSERT INTO _source VALUES ('main.go', 'go', x'61')");
    const { lockfile } = await push(folder.at('in.db'), folder.at('out'));
    expect(lockfile.sources).toMatchObject([{ path: 'main.go', kind: 'go-source' }]);
  });

  it('come back with primary keys and the index on the nodes’ sources', async () => {
    using folder = temporaryFolder();
    await write(folder.at('in.db'), '', [{ id: 'a.go', content: 'a', form: 'inline', language: 'go' }], true);
    await push(folder.at('in.db'), folder.at('out'));
    await pull(folder.at('out'), folder.at('out.db'));
    const keys = "SELECT name, type FROM pragma_table_info('_ast') WHERE pk = 1";
    expect(read(folder.at('out.db'), keys)).toEqual([{ name: 'node_id', type: 'TEXT' }]);
    expect(read(folder.at('out.db'), "SELECT name FROM pragma_table_info('_source') WHERE pk = 1")).toEqual([
      { name: 'id' },
    ]);
    const plan = "EXPLAIN QUERY PLAN SELECT * FROM _ast WHERE source_id = 'a.go'";
    expect(JSON.stringify(read(folder.at('out.db'), plan))).toContain('idx_ast_source');
  });

  it('have the kind unknown where a row has no language', async () => {
    using folder = temporaryFolder();
    await write(folder.at('in.db'), '', [{ id: 'notes', content: 'a', form: 'inline', language: '' }], false);
    const { lockfile } = await push(folder.at('in.db'), folder.at('out'));
    expect(lockfile.sources[0]?.kind).toBe('unknown');
  });

  it('with absolute paths want the source root, and nothing outside it is read', async () => {
    using folder = temporaryFolder();
    const root = folder.at('project');
    await write(folder.at('in.db'), root, [{ id: 'a.go', content: 'a', form: 'file', language: 'go' }], false);
    await expect(push(folder.at('in.db'), folder.at('out'))).rejects.toMatchObject({ code: 'BUNDLE_INVALID_OPTION' });
    for (const other of ['elsewhere', 'proj', 'project/sub']) {
      mkdirSync(folder.at(other), { recursive: true });
      await expect(push(folder.at('in.db'), folder.at('out'), folder.at(other))).rejects.toMatchObject({
        code: 'BUNDLE_INVALID_DATABASE',
      });
    }
    // The same folder by another name is the same folder, as long as the database uses that name.
    symlinkSync(root, folder.at('link'));
    await expect(push(folder.at('in.db'), folder.at('out'), folder.at('link'))).resolves.toMatchObject({ chunks: 1 });
  });

  it('give the same chunks and root wherever the project lies', async () => {
    using folder = temporaryFolder();
    const one = { id: 'a.go', content: 'a', form: 'file', language: 'go' } as const;
    const roots: string[] = [];
    for (const place of ['here', 'there']) {
      const root = folder.at(place);
      await write(folder.at(`${place}.db`), root, [one], true);
      roots.push((await push(folder.at(`${place}.db`), folder.at(`${place}-out`), root)).lockfile.root);
    }
    expect(roots[0]).toBe(roots[1]);
  });
});

describe('databases in WAL mode', () => {
  const one = { id: 'a.go', content: 'a', form: 'inline', language: 'go' } as const;
  const wal = async (path: string) => {
    await write(path, '', [one], false);
    using database = new DatabaseSync(path);
    database.exec('PRAGMA journal_mode = WAL; UPDATE _source SET language = language');
  };

  it('that nobody has open are read without leaving a log, and may be replaced', async () => {
    using folder = temporaryFolder();
    await wal(folder.at('in ?#%20.db'));
    const before = readdirSync(folder.at());
    await push(folder.at('in ?#%20.db'), folder.at('out'));
    expect(readdirSync(folder.at()).filter((each) => each !== 'out')).toEqual(before);
    await pull(folder.at('out'), folder.at('in ?#%20.db'), true);
    expect(rowsOf(folder.at('in ?#%20.db'))).toMatchObject([{ id: 'a.go' }]);
  });

  it('that somebody writes are read as they were at one moment', async () => {
    using folder = temporaryFolder();
    await wal(folder.at('in.db'));
    using writer = new DatabaseSync(folder.at('in.db'));
    writer.exec("INSERT INTO _source VALUES ('b.go', 'go', x'62', NULL)");
    const source = await SqliteSource.open({ clock: systemClock, path: folder.at('in.db'), producerVersion: '1' });
    writer.exec("DELETE FROM _source; INSERT INTO _source VALUES ('c.go', 'go', x'63', NULL)");
    const { lockfile } = await pack(source, folder.at('out'), { clock });
    await source.close();
    expect(lockfile.sources.map(({ path }) => path)).toEqual(['a.go', 'b.go']);
    writer.close();
    expect(readdirSync(folder.at()).toSorted()).toEqual(['in.db', 'out']);
  });

  it('that are written while they are read without a lock are refused, and nothing is packed', async () => {
    using folder = temporaryFolder();
    await wal(folder.at('in.db'));
    const source = await SqliteSource.open({ clock: systemClock, path: folder.at('in.db'), producerVersion: '1' });
    using writer = new DatabaseSync(folder.at('in.db'));
    writer.exec("INSERT INTO _source VALUES ('b.go', 'go', x'62', NULL)");
    writer.close();
    await expect(pack(source, folder.at('out'), { clock })).rejects.toMatchObject({ code: 'BUNDLE_DATABASE_LOCKED' });
    await source.close();
  });
});

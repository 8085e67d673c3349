import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { messageOf } from '#core/errors';
import type { KeyValueNamespace, KeyValueStore, KeyValueUsage } from '#core/ports/storage';
import { StorageError } from './errors.ts';

/** The milliseconds that a write may wait for another process. The wait is synchronous. */
const BUSY_TIMEOUT_MS = 20;

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS entries (
    namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS totals (
    namespace TEXT PRIMARY KEY, bytes INTEGER NOT NULL, keys INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

const SQL = {
  get: 'SELECT value FROM entries WHERE namespace = ? AND key = ?',
  size: 'SELECT length(key) + length(value) AS size FROM entries WHERE namespace = ? AND key = ?',
  put: 'INSERT INTO entries VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  remove: 'DELETE FROM entries WHERE namespace = ? AND key = ?',
  list: 'SELECT key FROM entries WHERE namespace = ? AND key >= ? AND (? IS NULL OR key < ?) ORDER BY key LIMIT ?',
  total: 'SELECT bytes, keys FROM totals WHERE namespace = ?',
  add: 'INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, keys = keys + excluded.keys',
} as const;

type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>;

/**
 * Keys and values in SQLite, in a file or in memory. Keys are stored as their UTF-8 bytes, so that no collation, case
 * or NUL makes two keys equal. Every statement selects by the namespace column.
 */
export class SqliteKeyValueStore implements KeyValueStore {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;

  /** @param path a file, or `:memory:`. @throws {StorageError} `STORAGE_UNAVAILABLE` */
  constructor(path = ':memory:') {
    try {
      this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
      this.#database.exec(SCHEMA);
    } catch (cause) {
      throw new StorageError('STORAGE_UNAVAILABLE', `the storage ${path} cannot be opened: ${messageOf(cause)}`, {
        cause,
      });
    }
    const prepared = Object.entries(SQL).map(([name, sql]) => [name, this.#database.prepare(sql)]);
    this.#statements = Object.fromEntries(prepared) as Statements;
  }

  open(namespace: string): KeyValueNamespace {
    return new SqliteNamespace(this.#database, this.#statements, namespace);
  }

  close(): void {
    this.#database.close();
  }
}

class SqliteNamespace implements KeyValueNamespace {
  readonly #database: DatabaseSync;
  readonly #sql: Statements;
  readonly #namespace: string;

  constructor(database: DatabaseSync, statements: Statements, namespace: string) {
    this.#database = database;
    this.#sql = statements;
    this.#namespace = namespace;
  }

  get(key: string): Uint8Array | undefined {
    const row = this.#sql.get.get(this.#namespace, Buffer.from(key));
    return row === undefined ? undefined : (row.value as Uint8Array);
  }

  set(key: string, value: Uint8Array, quotaBytes: number): boolean {
    const bytes = Buffer.from(key);
    return this.#atomically(() => {
      const before = this.#sizeOf(bytes);
      const growth = bytes.length + value.length - (before ?? 0);
      if (growth > 0 && this.usage().bytes + growth > quotaBytes) return false;
      this.#sql.put.run(this.#namespace, bytes, value);
      this.#sql.add.run(this.#namespace, growth, before === undefined ? 1 : 0);
      return true;
    });
  }

  delete(key: string): boolean {
    const bytes = Buffer.from(key);
    return this.#atomically(() => {
      const before = this.#sizeOf(bytes);
      if (before === undefined) return false;
      this.#sql.remove.run(this.#namespace, bytes);
      this.#sql.add.run(this.#namespace, -before, -1);
      return true;
    });
  }

  list(prefix: string, limit: number): readonly string[] {
    const from = Buffer.from(prefix);
    const to = after(from);
    return this.#sql.list
      .all(this.#namespace, from, to, to, limit)
      .map(({ key }) => Buffer.from(key as Uint8Array).toString('utf8'));
  }

  usage(): KeyValueUsage {
    const row = this.#sql.total.get(this.#namespace);
    return { bytes: Number(row?.bytes ?? 0), keys: Number(row?.keys ?? 0) };
  }

  #sizeOf(key: Uint8Array): number | undefined {
    const row = this.#sql.size.get(this.#namespace, key);
    return row === undefined ? undefined : Number(row.size);
  }

  #atomically<T>(change: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = change();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

/** Returns the first key after all keys that begin with `prefix`, or null if there is none. */
function after(prefix: Uint8Array): Uint8Array | null {
  const last = prefix.findLastIndex((byte) => byte < 255);
  if (last === -1) return null;
  // Make a copy, because `slice` of a Buffer shares its bytes.
  const next = Uint8Array.from(prefix.subarray(0, last + 1));
  next[last] = (next[last] as number) + 1;
  return next;
}

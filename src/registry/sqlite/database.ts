import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import { shownText } from '#core/text';
import { wait } from '#core/waiting';
import { RegistryError } from '../errors.ts';
import { SQLITE_MIGRATIONS } from './schema.ts';

const BUSY = 5;
const LOCKED = 6;
/** How often a statement is tried while another process writes; about ten seconds with the pauses in between. */
const BUSY_ATTEMPTS = 200;
const MAX_PAUSE_MS = 50;

/** Lists the schema of a database without the indexes that SQLite makes by itself. Any other entries are not ours. */
const SCHEMA = `SELECT type, name, tbl_name, sql FROM main.sqlite_schema
  WHERE name NOT LIKE 'sqlite\\_autoindex\\_%' ESCAPE '\\' LIMIT 1000`;

const textOfEntry = (entry: object): string => JSON.stringify(Object.values(entry));

export type SqliteValue = SQLInputValue;

/**
 * One SQLite file with migrations, prepared statements, and transactions that wait for other processes without
 * blocking.
 */
export class SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, clock: Clock) {
    this.#clock = clock;
    try {
      if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
      // SQLite would wait for ever to open a FIFO.
      const stats = path === ':memory:' ? undefined : statSync(path, { throwIfNoEntry: false });
      if (stats !== undefined && !stats.isFile()) throw new Error('it is not a regular file');
      // A wait inside SQLite would block the event loop; `run` waits outside.
      this.#database = new DatabaseSync(path, { timeout: 0, allowExtension: false, defensive: true });
    } catch (cause) {
      throw new RegistryError('REGISTRY_UNAVAILABLE', `cannot open the registry's index ${path}: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  /**
   * Brings the schema up to date. @throws {RegistryError} `REGISTRY_SCHEMA` when a newer or foreign program wrote the
   * file
   */
  async migrate(): Promise<void> {
    // Somebody who can write the file could plant a trigger or view that calls functions.
    await this.run(() => this.#database.exec('PRAGMA trusted_schema = OFF; PRAGMA synchronous = NORMAL'));
    await this.run(() => this.#database.exec('PRAGMA journal_mode = WAL'));
    await this.write(() => {
      const version = this.get('PRAGMA user_version')?.user_version;
      if (typeof version !== 'number' || version > SQLITE_MIGRATIONS.length) {
        throw new RegistryError(
          'REGISTRY_SCHEMA',
          `the registry's index has schema ${String(version)}, but this program knows ${SQLITE_MIGRATIONS.length}; use a newer program`,
        );
      }
      this.#checkSchema(version);
      for (const migration of SQLITE_MIGRATIONS.slice(version)) this.#database.exec(migration);
      this.#database.exec(`PRAGMA user_version = ${SQLITE_MIGRATIONS.length}`);
    });
  }

  /**
   * Refuses a file whose tables, indexes, views or triggers differ from those of the migrations. In a folder that
   * others can write, a view in place of a table may never end, and a trigger does what its author wants.
   */
  #checkSchema(version: number): void {
    const wanted = new DatabaseSync(':memory:');
    try {
      for (const migration of SQLITE_MIGRATIONS.slice(0, version)) wanted.exec(migration);
      const right = new Set(wanted.prepare(SCHEMA).all().map(textOfEntry));
      const found = this.#database.prepare(SCHEMA).all();
      const wrong = found.find((entry) => !right.has(textOfEntry(entry)));
      if (wrong === undefined && found.length === right.size) return;
      const what =
        wrong === undefined ? 'lacks tables or indexes' : `has the ${wrong.type} ${shownText(String(wrong.name))}`;
      throw new RegistryError(
        'REGISTRY_SCHEMA',
        `the registry's index ${what}, which this program did not make; the file is damaged or hostile: restore it`,
      );
    } finally {
      wanted.close();
    }
  }

  get(sql: string, ...values: SqliteValue[]): Record<string, unknown> | undefined {
    const row = this.#prepare(sql).get(...values);
    return row && narrow(row);
  }

  all(sql: string, ...values: SqliteValue[]): Record<string, unknown>[] {
    return this.#prepare(sql)
      .all(...values)
      .map(narrow);
  }

  /** Returns rows one by one with integers as bigint. The caller may stop early. */
  iterate(sql: string, ...values: SqliteValue[]): Iterable<Record<string, unknown>> {
    return this.#prepare(sql).iterate(...values);
  }

  /** Runs a statement that returns no rows. Returns how many rows it changed. */
  change(sql: string, ...values: SqliteValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** Runs `work` in a transaction that holds the write lock: all of it takes effect, or nothing. */
  write<T>(work: () => T): Promise<T> {
    return this.run(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.#database.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /**
   * Runs `work`, and repeats it while another process holds the lock. @throws {RegistryError} `REGISTRY_UNAVAILABLE`
   */
  async run<T>(work: () => T): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return work();
      } catch (error) {
        if (error instanceof RegistryError) throw error;
        if (isBusy(error) && attempt < BUSY_ATTEMPTS) {
          await wait(this.#clock, Math.min(MAX_PAUSE_MS, attempt));
          continue;
        }
        throw new RegistryError('REGISTRY_UNAVAILABLE', `the registry's index failed: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      statement.setReadBigInts(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/**
 * Converts integers to numbers if that is exact. One row may hold a larger integer, and reading it as a number would
 * fail the whole statement.
 */
function narrow(row: Record<string, unknown>): Record<string, unknown> {
  for (const [column, value] of Object.entries(row)) {
    if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) row[column] = Number(value);
  }
  return row;
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  // Extended result codes have the primary code in the low byte.
  const code = Number(error.errcode) & 0xff;
  return code === BUSY || code === LOCKED;
}

import { closeSync, existsSync, readSync, realpathSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { messageOf } from '#core/errors';
import { shownPath } from '#core/text';
import { openRegularSync } from '#files';
import { BundleError } from '../errors.ts';

const BUSY = 5;
const LOCKED = 6;
const FULL = 13;
const NOT_A_DATABASE = 26;

/** A database that is open for reading only. */
export interface OpenDatabase {
  readonly database: DatabaseSync;
  /** Throws if the data that was read may not be from one moment. Call it after reading everything. */
  readonly check: () => void;
}

/**
 * Opens a potentially hostile database for reading only. `waitMs` is how long to wait for a lock, `heapBytes` how much
 * memory SQLite may use.
 *
 * A database in WAL mode that nobody has open is read as an immutable file. Otherwise SQLite would make a log and an
 * index beside it, which a read-only connection cannot remove, and cannot make in a read-only folder. The file's times
 * show afterwards that it did not change. A database that somebody has open has a log, and is read in the transaction
 * that SQLite gives.
 */
export function openForReading(path: string, waitMs: number, heapBytes: number): OpenDatabase {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new BundleError('BUNDLE_NOT_FOUND', `there is no database ${shownPath(path)}; give the path of one`);
  }
  // SQLite would wait for ever to open a FIFO.
  if (!stats.isFile()) throw new BundleError('BUNDLE_INVALID_DATABASE', `${shownPath(path)} is not a regular file`);
  return guarded(path, () => {
    const file = realpathSync(path);
    const before = stateOf(file);
    const still = isWal(file) && !existsSync(`${file}-wal`);
    const location = pathToFileURL(file);
    if (still) location.search = '?immutable=1';
    const database = new DatabaseSync(location, { readOnly: true, timeout: waitMs, allowExtension: false });
    // Functions in a hostile schema's indexes, views and defaults could do more than compute.
    database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON;');
    database.exec(`PRAGMA hard_heap_limit = ${heapBytes}`);
    const check = () => {
      if (!still || stateOf(file) === before) return;
      const message = `${shownPath(path)} was written while it was read; repeat the command`;
      throw new BundleError('BUNDLE_DATABASE_LOCKED', message);
    };
    return { database, check };
  });
}

function stateOf(file: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  return [ino, size, mtimeNs, ctimeNs].join(' ');
}

/** Whether the header says that the file is in WAL mode: bytes 18 and 19 are 2. */
function isWal(file: string): boolean {
  const header = Buffer.alloc(20);
  const { descriptor } = openRegularSync(file, { links: 'refuse' });
  try {
    return readSync(descriptor, header) === header.length && header[18] === 2 && header[19] === 2;
  } finally {
    closeSync(descriptor);
  }
}

/** Runs `task`, and turns SQLite's exceptions into errors that name the database. */
export function guarded<Result>(path: string, task: () => Result): Result {
  try {
    return task();
  } catch (cause) {
    throw databaseError(path, cause);
  }
}

export function databaseError(path: string, cause: unknown): BundleError {
  if (cause instanceof BundleError) return cause;
  const where = shownPath(path);
  const code = sqliteCode(cause);
  if (code === BUSY || code === LOCKED) {
    return new BundleError('BUNDLE_DATABASE_LOCKED', `${where} is locked by another program; end it or try later`, {
      cause,
    });
  }
  if (code === FULL) {
    return new BundleError('BUNDLE_STORAGE_FAILED', `the disk is full while writing ${where}; free space and repeat`, {
      cause,
    });
  }
  const what = code === NOT_A_DATABASE ? 'is not an SQLite database' : `cannot be used: ${messageOf(cause)}`;
  return new BundleError('BUNDLE_INVALID_DATABASE', `${where} ${what}`, { cause });
}

/** Returns SQLite's primary result code, which is the low byte; the upper bytes only refine it. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

export interface TableShape {
  readonly columns: ReadonlySet<string>;
}

/** Returns the columns of an ordinary table. Views and virtual tables are refused, because reading them runs code. */
export function tableShape(
  database: DatabaseSync,
  path: string,
  table: '_source' | '_ast' | 'source_blobs',
): TableShape | undefined {
  return guarded(path, () => {
    const found = database
      .prepare("SELECT type, rootpage FROM main.sqlite_schema WHERE name = ? AND type IN ('table', 'view')")
      .get(table);
    if (found === undefined) return undefined;
    if (found.type !== 'table' || found.rootpage === 0) {
      const what = found.type === 'table' ? 'a virtual table' : 'a view';
      throw new BundleError('BUNDLE_INVALID_DATABASE', `${table} in ${shownPath(path)} is ${what}, no table`);
    }
    const columns = database.prepare(`PRAGMA main.table_xinfo("${table}")`).all();
    const generated = columns.filter(({ hidden }) => hidden !== 0).map(({ name }) => String(name));
    if (generated.length > 0) {
      throw new BundleError(
        'BUNDLE_INVALID_DATABASE',
        `${table} in ${shownPath(path)} has computed columns (${generated.join(', ').slice(0, 80)})`,
      );
    }
    return { columns: new Set(columns.map(({ name }) => String(name))) };
  });
}

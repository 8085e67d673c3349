import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Clock } from '#core/ports/clock';
import { shownPath, shownText } from '#core/text';
import { syncFiles, syncFolders } from '../chunks/durable.ts';
import { BundleError } from '../errors.ts';
import type { LockfileMeta, SourceEntry } from '../lockfile/model.ts';
import { storageFailed } from '../storage-errors.ts';
import type { BundleTarget } from './bundle-source.ts';
import { type AstNode, type ChunkShape, decodeAstChunk, looksLikeAst } from './chunk-shape.ts';
import { restoredPaths } from './path-forms.ts';
import { databaseError } from './sqlite-database.ts';

export interface SqliteTargetOptions {
  /** The database to be made. */
  readonly path: string;
  /** The producer's statement about the shape of its chunks; `undefined` lets the bytes tell. */
  readonly shape: ChunkShape | undefined;
  /** The lockfile's record of the rows' paths; without it, rows get the paths of the lockfile. */
  readonly meta?: Pick<LockfileMeta, 'inputProcessors'>;
  /** Replaces an existing database. */
  readonly force?: boolean;
  readonly clock: Pick<Clock, 'now'>;
}

const SOURCE_TABLE = 'CREATE TABLE _source (id TEXT PRIMARY KEY, language TEXT, content BLOB, path TEXT)';
const AST_COLUMNS = `source_id TEXT NOT NULL, node_kind TEXT NOT NULL, start_byte INTEGER NOT NULL,
  end_byte INTEGER NOT NULL, start_row INTEGER NOT NULL, start_col INTEGER NOT NULL, end_row INTEGER NOT NULL,
  end_col INTEGER NOT NULL`;
/** The table as the producers define it. */
const AST_TABLE = `CREATE TABLE _ast (node_id TEXT PRIMARY KEY NOT NULL, ${AST_COLUMNS})`;
/** The table for databases whose node ids are numbers or not unique, so that ids are restored unchanged. */
const LOOSE_AST_TABLE = `CREATE TABLE _ast (node_id NOT NULL, ${AST_COLUMNS})`;
const AST_INDEX = 'CREATE INDEX idx_ast_source ON _ast (source_id)';
const INSERT_NODE = 'INSERT INTO _ast VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)';
const STALE_MS = 24 * 3_600_000;

/** Restores sources into a new SQLite database, which appears under its name when it is complete. */
export class SqliteTarget implements BundleTarget {
  readonly #path: string;
  readonly #temporary: string;
  readonly #shape: ChunkShape | undefined;
  readonly #force: boolean;
  readonly #database: DatabaseSync;
  readonly #insertSource: StatementSync;
  readonly #paths: Generator<string | null, undefined, string>;
  #insertNode: StatementSync | undefined;
  #loose = false;

  /** @throws {BundleError} `BUNDLE_TARGET_EXISTS`, `BUNDLE_STORAGE_FAILED` */
  constructor({ path, shape, meta = { inputProcessors: [] }, force = false, clock }: SqliteTargetOptions) {
    this.#paths = restoredPaths(meta);
    this.#paths.next();
    this.#path = resolve(path);
    this.#shape = shape;
    this.#force = force;
    this.#checkTarget();
    sweepStale(this.#path, clock.now());
    this.#temporary = join(dirname(this.#path), `.${basename(this.#path)}.${process.pid}-${randomUUID()}.tmp`);
    try {
      this.#database = new DatabaseSync(this.#temporary);
      // Nobody sees the file before it is complete and flushed, so a journal would protect nothing.
      this.#database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN');
      this.#database.exec(SOURCE_TABLE);
      this.#insertSource = this.#database.prepare(
        'INSERT INTO _source (id, path, language, content) VALUES (?, ?, ?, ?)',
      );
    } catch (cause) {
      rmSync(this.#temporary, { force: true });
      throw storageFailed(`making ${shownPath(path)}`, cause);
    }
  }

  async restore(entry: SourceEntry, read: () => Promise<Uint8Array>): Promise<void> {
    const bytes = await read();
    const shape = this.#shape ?? (looksLikeAst(bytes) ? 'ast' : 'raw');
    const rowPath = this.#paths.next(entry.path).value ?? null;
    try {
      if (shape === 'raw') {
        this.#insertSource.run(entry.path, rowPath, languageOf(entry.kind), bytes);
        return;
      }
      const ours = this.#shape === 'ast';
      const { sourceId, language, path, content, nodes } = decodeAstChunk(bytes, entry.path, ours);
      const restored = ours ? rowPath : path === '' ? null : path;
      this.#insertSource.run(sourceId, restored, language === '' ? null : language, content);
      this.#insertNode ??= this.#makeAst(AST_TABLE);
      for (const node of nodes) this.#addNode(node, sourceId);
    } catch (cause) {
      if (isConstraint(cause)) {
        throw new BundleError('BUNDLE_INVALID_CHUNK', `two chunks have the id of ${shownText(entry.path)}`, { cause });
      }
      throw databaseError(this.#path, cause);
    }
  }

  #addNode(node: AstNode, sourceId: string): void {
    const { node_id, node_kind, start_byte, end_byte, start_row, start_col, end_row, end_col } = node;
    // A text column would turn a number into a text.
    if (typeof node_id === 'number' && !this.#loose) this.#loosen();
    const insert = () =>
      this.#insertNode?.run(node_id, sourceId, node_kind, start_byte, end_byte, start_row, start_col, end_row, end_col);
    try {
      insert();
    } catch (cause) {
      if (this.#loose || !isConstraint(cause)) throw cause;
      this.#loosen();
      insert();
    }
  }

  /** Drops the primary key of the nodes, because this bundle violates it. */
  #loosen(): void {
    this.#loose = true;
    this.#database.exec('ALTER TABLE _ast RENAME TO _ast_keyed');
    this.#insertNode = this.#makeAst(LOOSE_AST_TABLE);
    this.#database.exec('INSERT INTO _ast SELECT * FROM _ast_keyed ORDER BY rowid; DROP TABLE _ast_keyed');
  }

  async commit(): Promise<void> {
    try {
      if (this.#insertNode !== undefined) this.#database.exec(AST_INDEX);
      this.#database.exec('COMMIT');
      this.#database.close();
      await syncFiles(dirname(this.#path), [this.#temporary]);
      this.#checkTarget();
      await rename(this.#temporary, this.#path);
      await syncFolders(dirname(this.#path), [dirname(this.#path)]);
    } catch (cause) {
      await this.abandon();
      throw cause instanceof BundleError ? cause : databaseError(this.#path, cause);
    }
  }

  async abandon(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
    rmSync(this.#temporary, { force: true });
  }

  #makeAst(table: string): StatementSync {
    this.#database.exec(table);
    return this.#database.prepare(INSERT_NODE);
  }

  #checkTarget(): void {
    if (existsSync(this.#path) && !this.#force) {
      throw new BundleError(
        'BUNDLE_TARGET_EXISTS',
        `${shownPath(this.#path)} exists already; remove it, name another file, or replace it with --force`,
      );
    }
    // A log left beside a replaced database would be applied to the new one and destroy it.
    const log = ['-wal', '-journal'].find((suffix) => existsSync(this.#path + suffix));
    if (log !== undefined) {
      throw new BundleError(
        'BUNDLE_TARGET_EXISTS',
        `${shownPath(this.#path + log)} belongs to a database in use; close the program that uses it`,
      );
    }
  }
}

/** Returns the language in a kind of the form `<language>-source`. */
function languageOf(kind: string): string | null {
  const language = kind.endsWith('-source') ? kind.slice(0, -'-source'.length) : kind;
  return language === 'unknown' || language === '' ? null : language;
}

function isConstraint(error: unknown): boolean {
  return (
    error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === 19
  );
}

/** Removes what killed restores of the same database left behind more than a day ago. */
function sweepStale(path: string, now: number): void {
  const prefix = `.${basename(path)}.`;
  let names: string[];
  try {
    names = readdirSync(dirname(path));
  } catch {
    return;
  }
  for (const name of names.filter((candidate) => candidate.startsWith(prefix) && candidate.endsWith('.tmp'))) {
    const file = join(dirname(path), name);
    const age = now - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now);
    if (age > STALE_MS) rmSync(file, { force: true });
  }
}

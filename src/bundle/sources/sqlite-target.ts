import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type Clock, shownPath, shownText } from '#core';
import { syncFiles, syncFolders } from '../chunks/durable.ts';
import { BundleError } from '../errors.ts';
import type { SourceEntry } from '../lockfile/model.ts';
import { storageFailed } from '../storage-errors.ts';
import type { BundleTarget } from './bundle-source.ts';
import { type ChunkShape, decodeAstChunk, looksLikeAst } from './chunk-shape.ts';
import { databaseError } from './sqlite-database.ts';

export interface SqliteTargetOptions {
  /** The database to be made. */
  readonly path: string;
  /** What the producer says of its chunks; `undefined` lets the bytes tell. */
  readonly shape: ChunkShape | undefined;
  /** Replaces a database that is there. */
  readonly force?: boolean;
  readonly clock: Pick<Clock, 'now'>;
}

const SOURCE_TABLE = 'CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB)';
// No type for node_id: it comes back as the text or the number that it was.
const AST_TABLE = `CREATE TABLE _ast (node_id NOT NULL, source_id TEXT NOT NULL, node_kind TEXT NOT NULL,
  start_byte INTEGER, end_byte INTEGER, start_row INTEGER, start_col INTEGER, end_row INTEGER, end_col INTEGER)`;
const STALE_MS = 24 * 3_600_000;

/** Restores sources into a new SQLite database, which appears under its name when it is complete. */
export class SqliteTarget implements BundleTarget {
  readonly #path: string;
  readonly #temporary: string;
  readonly #shape: ChunkShape | undefined;
  readonly #force: boolean;
  readonly #database: DatabaseSync;
  readonly #insertSource: StatementSync;
  #insertNode: StatementSync | undefined;

  /** @throws {BundleError} `BUNDLE_TARGET_EXISTS`, `BUNDLE_STORAGE_FAILED` */
  constructor({ path, shape, force = false, clock }: SqliteTargetOptions) {
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
      this.#insertSource = this.#database.prepare('INSERT INTO _source VALUES (?, ?, ?, ?)');
    } catch (cause) {
      rmSync(this.#temporary, { force: true });
      throw storageFailed(`making ${shownPath(path)}`, cause);
    }
  }

  async restore(entry: SourceEntry, read: () => Promise<Uint8Array>): Promise<void> {
    const bytes = await read();
    const shape = this.#shape ?? (looksLikeAst(bytes) ? 'ast' : 'raw');
    try {
      if (shape === 'raw') {
        this.#insertSource.run(entry.path, entry.path, languageOf(entry.kind), bytes);
        return;
      }
      const { sourceId, language, path, content, nodes } = decodeAstChunk(bytes, entry.path, this.#shape === 'ast');
      this.#insertSource.run(sourceId, path === '' ? null : path, language === '' ? null : language, content);
      this.#insertNode ??= this.#makeAst();
      for (const node of nodes) {
        this.#insertNode.run(
          node.node_id,
          sourceId,
          node.node_kind,
          node.start_byte,
          node.end_byte,
          node.start_row,
          node.start_col,
          node.end_row,
          node.end_col,
        );
      }
    } catch (cause) {
      if (isConstraint(cause)) {
        throw new BundleError('BUNDLE_INVALID_CHUNK', `two chunks have the id of ${shownText(entry.path)}`, { cause });
      }
      throw databaseError(this.#path, cause);
    }
  }

  async commit(): Promise<void> {
    try {
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

  #makeAst(): StatementSync {
    this.#database.exec(AST_TABLE);
    return this.#database.prepare('INSERT INTO _ast VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  }

  #checkTarget(): void {
    if (existsSync(this.#path) && !this.#force) {
      throw new BundleError(
        'BUNDLE_TARGET_EXISTS',
        `${shownPath(this.#path)} is there already; remove it, name another file, or replace it with --force`,
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

/** `<language>-source`, the other way round. */
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

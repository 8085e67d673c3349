import { isAbsolute } from 'node:path';
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { shownPath, shownText } from '#core/text';
import { blake3 } from '../blake3.ts';
import { BundleError } from '../errors.ts';
import { type ProcessorVersion, pathProblem, SHAPE_PROCESSOR, type TopologyEdge } from '../lockfile/model.ts';
import type { BundleSource, PackedSource } from './bundle-source.ts';
import { type AstNode, encodeAstChunk, POSITIONS } from './chunk-shape.ts';
import { type PathForm, PathForms } from './path-forms.ts';
import { SourceRoot } from './source-root.ts';
import { databaseError, guarded, openForReading, tableShape } from './sqlite-database.ts';

export interface SqliteReaderOptions {
  /** The database, with a table `_source` and optionally `_ast`. */
  readonly path: string;
  readonly producer?: string;
  readonly producerVersion: string;
  /**
   * The folder with the files of rows without content; without it such rows are skipped. Absolute paths are made
   * relative to it, so a database that has some can only be packed with a folder that contains them all.
   */
  readonly sourceRoot?: string;
  /** The most bytes of one source, which is held in memory as a whole. Default 512 MiB. */
  readonly maxSourceBytes?: number;
  /** The milliseconds to wait for a lock on the database, which block the thread. Default 2,000. */
  readonly lockWaitMs?: number;
}

/** The memory for SQLite in addition to the content of a row: its caches, the schema, sorting. */
const SQLITE_BYTES = 256 * 2 ** 20;
/** The number of omitted items that are named one by one. */
const MOST_NAMED = 1_000;
/** The last column is not restored itself, but the content that it names is. */
const SOURCE_COLUMNS = ['id', 'path', 'language', 'content', 'content_hash'];
const AST_COLUMNS = ['node_id', 'source_id', 'node_kind', ...POSITIONS];
const AST_OPTIONAL: readonly string[] = ['start_row', 'start_col', 'end_row', 'end_col'];

type Row = Record<string, SQLOutputValue>;

/**
 * Reads the sources (and syntax trees, if the database has `_ast`) of an SQLite source database in the order of their
 * ids. The database may be hostile, and nothing can stop SQLite once it has begun, so this runs in a child process
 * (`SqliteSource`).
 */
export class SqliteReader implements BundleSource {
  readonly producer: string;
  readonly producerVersion: string;
  readonly leftOut: string[] = [];
  readonly #database: DatabaseSync;
  readonly #checkUnchanged: () => void;
  readonly #path: string;
  readonly #columns: ReadonlySet<string>;
  /** Whether content may be in `source_blobs(hash, bytes)`, by `content_hash`. */
  readonly #hasBlobs: boolean;
  readonly #ast: ReadonlySet<string> | undefined;
  readonly #sourceRoot: SourceRoot | undefined;
  readonly #limit: number;
  /** The number of rows of `_source`. All reads are in one transaction, so it does not change. */
  readonly #count: number;
  readonly #forms: PathForms;

  private constructor(
    database: DatabaseSync,
    check: () => void,
    options: SqliteReaderOptions,
    sourceRoot: SourceRoot | undefined,
  ) {
    this.#database = database;
    this.#checkUnchanged = check;
    this.#path = options.path;
    this.#sourceRoot = sourceRoot;
    this.#limit = options.maxSourceBytes ?? 512 * 2 ** 20;
    this.producer = options.producer ?? 'mache';
    this.producerVersion = options.producerVersion;
    const source = tableShape(database, options.path, '_source');
    if (source === undefined) throw this.#invalid('has no table _source');
    this.#columns = source.columns;
    const blobs = source.columns.has('content_hash') ? tableShape(database, options.path, 'source_blobs') : undefined;
    this.#hasBlobs = blobs?.columns.has('hash') === true && blobs.columns.has('bytes');
    for (const column of this.#hasBlobs ? ['id'] : ['id', 'content']) {
      if (!source.columns.has(column)) throw this.#invalid(`has no column ${column} in _source`);
    }
    this.#ast = tableShape(database, options.path, '_ast')?.columns;
    for (const column of this.#ast === undefined ? [] : AST_COLUMNS) {
      if (!this.#ast?.has(column) && !AST_OPTIONAL.includes(column)) {
        throw this.#invalid(`has no column ${column} in _ast`);
      }
    }
    this.#forms = new PathForms(sourceRoot?.prefixes ?? []);
    this.#count = this.#nameLeftOut(source.columns);
  }

  /** @throws {BundleError} `BUNDLE_NOT_FOUND`, `BUNDLE_INVALID_DATABASE`, `BUNDLE_DATABASE_LOCKED`, `BUNDLE_INVALID_OPTION` */
  static async open(options: SqliteReaderOptions): Promise<SqliteReader> {
    let sourceRoot: SourceRoot | undefined;
    const limit = options.maxSourceBytes ?? 512 * 2 ** 20;
    const folder = options.sourceRoot;
    if (folder !== undefined) {
      sourceRoot = await SourceRoot.open(folder, limit).catch((cause: unknown) => {
        const message = `the source root ${shownPath(folder)} cannot be read; give an existing folder`;
        throw new BundleError('BUNDLE_INVALID_OPTION', message, { cause });
      });
    }
    const { database, check } = openForReading(options.path, options.lockWaitMs ?? 2_000, SQLITE_BYTES + 2 * limit);
    try {
      // One transaction makes everything that is read belong to one moment.
      guarded(options.path, () => database.exec('BEGIN'));
      return guarded(options.path, () => new SqliteReader(database, check, options, sourceRoot));
    } catch (error) {
      database.close();
      throw error;
    }
  }

  get inputProcessors(): readonly ProcessorVersion[] {
    return [
      { kind: 'blake3', version: '1.5.0' },
      { kind: SHAPE_PROCESSOR, version: this.#ast === undefined ? 'raw' : 'ast' },
      ...this.#forms.processors(),
    ];
  }

  async count(): Promise<number> {
    return this.#count;
  }

  async *sources(): AsyncGenerator<PackedSource> {
    const nodes = this.#ast === undefined ? undefined : new NodesBySource(this.#database, this.#ast, this.#path);
    const seen = new Set<string>();
    let otherIds = 0;
    try {
      for (const row of this.#rows()) {
        const { id, path, form, language } = this.#checkRow(row, seen);
        // The position in the tree moves on even for a source that is skipped.
        const content = await this.#content(row, path);
        if (content === undefined) continue;
        const kind = language === '' ? 'unknown' : `${language}-source`;
        this.#forms.note(form);
        if (id !== path) otherIds++;
        if (nodes === undefined) {
          yield { path, kind, chunk: content };
          continue;
        }
        const chunk = encodeAstChunk({ content, language, path, sourceId: id }, nodes.of(id));
        yield { path, kind, inputHash: await blake3(content), chunk };
      }
      this.#checkUnchanged();
      if (nodes === undefined && otherIds > 0) {
        this.leftOut.push(`${otherIds} ids that differ from their path (the path is restored instead)`);
      }
    } catch (cause) {
      // Pages from two moments look like damage.
      this.#checkUnchanged();
      throw databaseError(this.#path, cause);
    }
  }

  topology(): readonly TopologyEdge[] {
    return [];
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #rows(): Iterable<Row> {
    const column = (name: string) => (this.#columns.has(name) ? `s.${name}` : 'NULL');
    const own = column('content');
    const value = (of: (name: string) => string) =>
      this.#hasBlobs
        ? `CASE WHEN ${own} IS NULL AND b.bytes IS NOT NULL THEN ${of('b.bytes')} ELSE ${of(own)} END`
        : of(own);
    // A value that is too large is not even loaded, because octet_length reads only its header.
    const sql = `SELECT s.id AS id, ${column('path')} AS path, CAST(${column('language')} AS TEXT) AS language,
        ${value((name) => `typeof(${name})`)} AS type, ${value((name) => `octet_length(${name})`)} AS bytes,
        ${value((name) => `CASE WHEN octet_length(${name}) <= ?1 THEN ${name} END`)} AS content
      FROM _source s ${this.#hasBlobs ? 'LEFT JOIN source_blobs b ON b.hash = s.content_hash' : ''}
      ORDER BY s.id COLLATE BINARY`;
    return this.#database.prepare(sql).iterate(this.#limit);
  }

  #checkRow(row: Row, seen: Set<string>): { id: string; path: string; form: PathForm; language: string } {
    const { id, language } = row;
    if (typeof id !== 'string' || id === '') throw this.#invalid('has a row in _source whose id is not a text');
    if (typeof row.path !== 'string' && row.path !== null) throw this.#invalid(`has no path for ${shownText(id)}`);
    const { path, form } = this.#placeOf(id, row.path);
    const problem = pathProblem(path);
    if (problem !== undefined) throw this.#invalid(`has a source whose path ${shownText(path)} ${problem}`);
    if (seen.has(path)) throw this.#invalid(`has two sources with the path ${shownText(path)}`);
    seen.add(path);
    return { id, path, form, language: typeof language === 'string' ? language : '' };
  }

  /** Returns the path for the lockfile. A row without a path uses its id; an absolute path is made relative. */
  #placeOf(id: string, path: string | null): { readonly path: string; readonly form: PathForm } {
    if (path === null) return { path: id, form: 'none' };
    if (!isAbsolute(path)) return { path, form: 'relative' };
    if (this.#sourceRoot === undefined) {
      throw new BundleError(
        'BUNDLE_INVALID_OPTION',
        `${shownPath(this.#path)} names ${shownText(path)}; give the folder of its sources with --source-root, to which such paths are made relative`,
      );
    }
    const below = this.#sourceRoot.below(path);
    if (below === undefined) throw this.#invalid(`names ${shownText(path)}, which is not below the source root`);
    return { path: below.path, form: below.prefix };
  }

  async #content(row: Row, path: string): Promise<Uint8Array | undefined> {
    const { content, type, bytes } = row;
    if (type === 'null') {
      const read = this.#sourceRoot === undefined ? 'it has no content' : await this.#sourceRoot.read(path);
      if (typeof read !== 'string') return read;
      this.leftOut.push(`source ${shownText(path)}: ${read}`);
      return undefined;
    }
    if (content === null) {
      const message = `the source ${shownText(path)} has ${bytes} bytes; at most ${this.#limit} can be packed`;
      throw new BundleError('BUNDLE_TOO_LARGE', message);
    }
    return content instanceof Uint8Array ? content : Buffer.from(String(content));
  }

  /**
   * Names everything that is left out and is visible without reading the content. @returns the number of rows of
   * `_source`
   */
  #nameLeftOut(columns: ReadonlySet<string>): number {
    const count = (from: string) => Number(this.#database.prepare(`SELECT count(*) AS n FROM ${from}`).get()?.n);
    const note = (found: unknown, what: string) => {
      if (Number(found) > 0) this.leftOut.push(what.replace('#', String(found)));
    };
    const other = (table: string, present: ReadonlySet<string>, carried: readonly string[]) => {
      for (const column of present)
        if (!carried.includes(column)) this.leftOut.push(`column ${table}.${shownText(column)}`);
    };
    // Read the schema itself. A table with the name of a table-valued function takes the function's place, and listing
    // views by such a function evaluates each of them.
    const tables = this.#database
      .prepare(
        `SELECT name, CASE WHEN type = 'table' AND rootpage = 0 THEN 'virtual' ELSE type END AS type
          FROM main.sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
          LIMIT ${MOST_NAMED + 1}`,
      )
      .all();
    if (tables.length > MOST_NAMED) this.leftOut.push(`more than ${MOST_NAMED} tables and views`);
    for (const { name, type } of tables.slice(0, MOST_NAMED)) {
      const carried = ['_source', '_ast', ...(this.#hasBlobs ? ['source_blobs'] : [])];
      if (!carried.includes(String(name))) this.leftOut.push(`${type} ${shownText(String(name))}`);
    }
    other('_source', columns, this.#hasBlobs ? SOURCE_COLUMNS : SOURCE_COLUMNS.slice(0, 4));
    // Only the kind stores the language of a raw chunk, and "unknown-source" is the kind of a source without a
    // language.
    const lost = this.#ast === undefined ? "('', 'unknown')" : "('')";
    const language = columns.has('language') ? 'language' : 'NULL';
    const content = columns.has('content') ? 'content' : 'NULL';
    const { sources, notBlobs, languages } = this.#database
      .prepare(
        `SELECT count(*) AS sources, count(*) FILTER (WHERE typeof(${content}) NOT IN ('blob', 'null')) AS notBlobs,
          count(*) FILTER (WHERE typeof(${language}) NOT IN ('text', 'null') OR ${language} IN ${lost}) AS languages
          FROM _source`,
      )
      .get() as Row;
    note(notBlobs, '# sources whose content is not a blob (it is restored as one)');
    note(languages, '# languages that are empty, "unknown" or not a text (NULL or a text is restored)');
    if (this.#ast === undefined) return Number(sources);
    other('_ast', this.#ast, AST_COLUMNS);
    note(
      count('_ast WHERE source_id IS NULL OR source_id NOT IN (SELECT id FROM _source WHERE id IS NOT NULL)'),
      '# rows of _ast without a source',
    );
    const positions = AST_OPTIONAL.filter((column) => this.#ast?.has(column));
    if (positions.length > 0) {
      note(
        count(`_ast WHERE ${positions.map((column) => `${column} IS NULL`).join(' OR ')}`),
        '# rows of _ast with a row or column that is NULL (0 is restored)',
      );
    }
    return Number(sources);
  }

  #invalid(what: string): BundleError {
    return new BundleError('BUNDLE_INVALID_DATABASE', `${shownPath(this.#path)} ${what}`);
  }
}

/**
 * Reads the nodes of each source in one pass over `_ast`, in the order of the sources. A look-up for each source would
 * read the whole table each time, because the table may have no index.
 */
class NodesBySource {
  readonly #rows: Iterator<Row>;
  readonly #path: string;
  #next: Row | undefined;

  constructor(database: DatabaseSync, columns: ReadonlySet<string>, path: string) {
    const positions = POSITIONS.map((column) =>
      columns.has(column) ? `coalesce(${column}, 0) AS ${column}` : `0 AS ${column}`,
    );
    const sql = `SELECT source_id, node_id, node_kind, ${positions.join(', ')} FROM _ast
      WHERE source_id IN (SELECT id FROM _source WHERE id IS NOT NULL)
      ORDER BY source_id COLLATE BINARY, node_id COLLATE BINARY`;
    this.#path = path;
    this.#rows = guarded(path, () => database.prepare(sql).iterate());
    this.#advance();
  }

  /** @param id ids must come in ascending order */
  *of(id: string): Generator<AstNode> {
    while (this.#next !== undefined && compareText(String(this.#next.source_id), id) < 0) this.#advance();
    while (this.#next?.source_id === id) {
      yield this.#node(this.#next);
      this.#advance();
    }
  }

  #advance(): void {
    const { done, value } = guarded(this.#path, () => this.#rows.next());
    this.#next = done === true ? undefined : value;
  }

  #node(row: Row): AstNode {
    const { node_id, node_kind } = row;
    const positions = POSITIONS.map((column) => row[column]);
    const whole = positions.every((value) => Number.isSafeInteger(value));
    if ((typeof node_id !== 'string' && typeof node_id !== 'number') || typeof node_kind !== 'string' || !whole) {
      throw new BundleError(
        'BUNDLE_INVALID_DATABASE',
        `${shownPath(this.#path)} has a row in _ast of ${shownText(String(row.source_id))} whose node is incomplete: it needs an id, a kind and whole numbers`,
      );
    }
    const [start_byte, end_byte, start_row, start_col, end_row, end_col] = positions as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return { node_id, node_kind, start_byte, end_byte, start_row, start_col, end_row, end_col };
  }
}

/**
 * Compares texts in SQLite's BINARY order, which is that of their UTF-8 bytes and differs from JavaScript's beyond
 * U+FFFF.
 */
function compareText(left: string, right: string): number {
  return left === right ? 0 : Buffer.compare(Buffer.from(left), Buffer.from(right));
}

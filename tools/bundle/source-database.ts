import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { pathProblem } from '../../src/bundle/lockfile/model.ts';

export interface SourceRow {
  readonly id: string;
  readonly path: string;
  readonly language: string | null;
  readonly content: Uint8Array | null;
}

export interface AstRow {
  readonly node_id: string | number;
  readonly source_id: string;
  readonly node_kind: string;
  readonly start_byte: number;
  readonly end_byte: number;
  readonly start_row: number;
  readonly start_col: number;
  readonly end_row: number;
  readonly end_col: number;
}

export interface SourceDatabase {
  readonly sources: readonly SourceRow[];
  readonly ast?: readonly AstRow[];
}

/** Writes a source database as the source project makes them. */
export function writeDatabase(path: string, { sources, ast }: SourceDatabase): void {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN');
  database.exec('CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB)');
  const source = database.prepare('INSERT INTO _source VALUES (?, ?, ?, ?)');
  for (const row of sources) source.run(row.id, row.path, row.language, row.content);
  if (ast !== undefined) {
    database.exec(`CREATE TABLE _ast (node_id, source_id TEXT, node_kind TEXT, start_byte INTEGER, end_byte INTEGER,
      start_row INTEGER, start_col INTEGER, end_row INTEGER, end_col INTEGER)`);
    const node = database.prepare('INSERT INTO _ast VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    for (const row of ast) {
      node.run(
        row.node_id,
        row.source_id,
        row.node_kind,
        row.start_byte,
        row.end_byte,
        row.start_row,
        row.start_col,
        row.end_row,
        row.end_col,
      );
    }
  }
  database.exec('COMMIT');
  database.close();
}

/** What a bundle carries of a database, in a fixed order. */
export function readDatabase(path: string): SourceDatabase {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const sources = database.prepare('SELECT id, path, language, content FROM _source ORDER BY id').all();
    const hasAst = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_ast'").get() !== undefined;
    const ast = hasAst ? database.prepare('SELECT * FROM _ast ORDER BY source_id, node_id, rowid').all() : undefined;
    return structuredClone({ sources, ast }) as unknown as SourceDatabase;
  } finally {
    database.close();
  }
}

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((value) => !value.includes('\0'));
const paths = fc
  .oneof(
    fc
      .array(fc.stringMatching(/^[a-zA-Z0-9._ -]{1,10}$/), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.join('/')),
    text,
  )
  .filter((path) => pathProblem(path) === undefined);
const languages = fc
  .oneof(fc.constant(null), fc.constantFrom('go', 'typescript', 'c++', 'go-source'), text)
  .filter((language) => language !== 'unknown');
const contents = fc.oneof(
  fc.constant(new Uint8Array(0)),
  fc.uint8Array({ maxLength: 200 }),
  // Ordinary sources that look like chunks with a syntax tree.
  fc
    .constantFrom(
      '{"source_id":"x"}',
      '{"ast_nodes":null,"content_b64":"","language":"go","path":"a","source_id":"a"}\n',
      '{"ast_nodes":null,"content_b64":"!","language":1,"path":"../a","source_id":"a"}\n',
    )
    .map((json) => new Uint8Array(Buffer.from(json))),
);

/** Any database of which a bundle carries everything: with `_ast`, or with ids that are paths. */
export const databases: fc.Arbitrary<SourceDatabase> = fc
  .record({
    sources: fc.uniqueArray(
      fc.record({ path: paths, language: languages, content: contents }, { noNullPrototype: true }),
      { minLength: 1, maxLength: 6, selector: ({ path }) => path },
    ),
    nodes: fc.option(
      fc.array(
        fc.record({
          node_id: fc.oneof(text, fc.nat()),
          node_kind: text,
          at: fc.nat(),
          positions: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
        }),
        { maxLength: 12 },
      ),
    ),
    ids: fc.boolean(),
  })
  .map(({ sources, nodes, ids }) => {
    const rows = sources.map((source, index) => ({ id: nodes !== null && ids ? `#${index}` : source.path, ...source }));
    if (nodes === null) return { sources: rows };
    const ast = nodes.map(({ node_id, node_kind, at, positions }) => {
      const [start_byte = 0, end_byte = 0, start_row = 0, start_col = 0, end_row = 0, end_col = 0] = positions;
      const source_id = rows[at % rows.length]?.id ?? '';
      return { node_id, source_id, node_kind, start_byte, end_byte, start_row, start_col, end_row, end_col };
    });
    return { sources: rows, ast };
  });

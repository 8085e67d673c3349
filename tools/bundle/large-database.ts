import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const LANGUAGES: Readonly<Record<string, string>> = {
  js: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  ts: 'typescript',
  mts: 'typescript',
  json: 'json',
  md: 'markdown',
};
const MAX_FILE = 200_000;

/** Real source files below `root`, in the order of the folders; the same ones again under other names when they run out. */
function* files(root: string): Generator<{ path: string; language: string; content: Buffer }> {
  for (let round = 0; ; round++) {
    let found = 0;
    for (const path of walk(root)) {
      const language = LANGUAGES[path.slice(path.lastIndexOf('.') + 1)];
      if (language === undefined) continue;
      const content = readFileSync(path);
      if (content.length === 0 || content.length > MAX_FILE) continue;
      found++;
      const name = relative(root, path);
      // Another round differs in content too, so that its chunks are chunks of their own.
      yield round === 0
        ? { path: name, language, content }
        : {
            path: `round-${round}/${name}`,
            language,
            content: Buffer.concat([content, Buffer.from(`\n// ${round}\n`)]),
          };
    }
    if (found === 0) throw new Error(`no source files below ${root}`);
  }
}

function* walk(folder: string): Generator<string> {
  const entries: Dirent[] = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile()) yield path;
  }
}

/** A source database of real files; with `nodesEach`, a node for each of the first words of a file. */
export function writeLargeDatabase(
  path: string,
  root: string,
  sources: number,
  nodesEach = 0,
): { sources: number; nodes: number } {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN');
  database.exec('CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB)');
  const insert = database.prepare('INSERT INTO _source VALUES (?, ?, ?, ?)');
  if (nodesEach > 0) {
    database.exec(`CREATE TABLE _ast (node_id TEXT PRIMARY KEY, source_id TEXT, node_kind TEXT, start_byte INTEGER, end_byte INTEGER,
      start_row INTEGER, start_col INTEGER, end_row INTEGER, end_col INTEGER)`);
  }
  const insertNode =
    nodesEach > 0 ? database.prepare('INSERT INTO _ast VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)') : undefined;
  let count = 0;
  let nodes = 0;
  for (const { path: name, language, content } of files(root)) {
    if (count === sources) break;
    insert.run(name, name, language, content);
    count++;
    if (insertNode === undefined) continue;
    let at = 0;
    for (let index = 0; index < nodesEach; index++) {
      // Where a file has too few words, its nodes go round: what counts is that each has a place in the file.
      const start = at % content.length;
      const end = Math.min(content.length, start + 1 + ((content[start] as number) % 12));
      insertNode.run(
        `${name}#${index}`,
        name,
        (content[start] as number) > 96 ? 'identifier' : 'punctuation',
        start,
        end,
        index,
        start % 80,
        index,
        end % 80,
      );
      at = end + 1;
      nodes++;
    }
  }
  database.exec('COMMIT');
  database.close();
  return { sources: count, nodes };
}

/** A source database of `count` sources of some tens of bytes; answers their bytes. */
export function writeSmallSources(path: string, count: number): number {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN');
  database.exec('CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB)');
  const insert = database.prepare('INSERT INTO _source VALUES (?, ?, ?, ?)');
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    const name = `src/${index % 100}/file-${index}.go`;
    const content = Buffer.from(`package p${index}\n\nconst Value = ${index}\n`);
    insert.run(name, name, 'go', content);
    bytes += content.length;
  }
  database.exec('COMMIT');
  database.close();
  return bytes;
}

/** How many rows of the one database the other does not have, and the other way round, in what a bundle carries. */
export function differences(left: string, right: string, withAst: boolean): number {
  using database = new DatabaseSync(left, { readOnly: true });
  database.exec(`ATTACH '${right.replaceAll("'", "''")}' AS other`);
  const tables = [['_source', 'id, path, language, content']];
  if (withAst)
    tables.push([
      '_ast',
      'node_id, source_id, node_kind, start_byte, end_byte, start_row, start_col, end_row, end_col',
    ]);
  let count = 0;
  for (const [table, columns] of tables) {
    for (const [a, b] of [
      ['main', 'other'],
      ['other', 'main'],
    ]) {
      const sql = `SELECT count(*) AS n FROM (SELECT ${columns} FROM ${a}.${table} EXCEPT SELECT ${columns} FROM ${b}.${table})`;
      count += Number(database.prepare(sql).get()?.n);
    }
  }
  return count;
}

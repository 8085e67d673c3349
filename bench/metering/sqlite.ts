import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Guest, WAYS, type Way } from './guests.ts';
import { ratios } from './statistics.ts';

/** The part of sql.js that is used here; it brings no types. */
interface Statement {
  run(values: readonly (number | string)[]): void;
  free(): void;
}
interface Database {
  run(sql: string): void;
  exec(sql: string): { values: unknown[][] }[];
  prepare(sql: string): Statement;
}
interface Options {
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: { exports: WebAssembly.Exports }) => void): object;
}
type Initialise = (options: Options) => Promise<{ Database: new () => Database }>;

const require = createRequire(import.meta.url);
const SQLITE: string = require.resolve('sql.js/dist/sql-wasm.wasm');

const QUERIES = [
  'SELECT kind, count(*), sum(amount), max(name) FROM item WHERE amount % 7 <> 3 GROUP BY kind ORDER BY kind',
  "SELECT count(*) FROM item WHERE name LIKE '%a7%' OR name LIKE '%b1_'",
  'SELECT a.kind, count(*) FROM item a JOIN item b ON b.id = a.amount + 1 WHERE a.id < 1000 GROUP BY a.kind',
  'SELECT id, name FROM item ORDER BY name DESC, amount LIMIT 50',
];

export function sqliteBytes(): Uint8Array {
  return new Uint8Array(readFileSync(SQLITE));
}

/** Time of queries that run inside, and of inserts that cross from JavaScript for each row, against plain. */
export async function measureSqlite(rounds: number): Promise<{
  queries: Record<Way, number>;
  inserts: Record<Way, number>;
}> {
  const guests = await Promise.all(WAYS.map(async (way) => [way, await open(way)] as const));
  const answers = guests.map(([, { query }]) => JSON.stringify(query()));
  if (new Set(answers).size !== 1) throw new Error('metered sqlite gives other answers than plain');
  const each = (act: (guest: Awaited<ReturnType<typeof open>>) => void): Record<Way, () => void> =>
    Object.fromEntries(guests.map(([way, guest]) => [way, () => act(guest)])) as Record<Way, () => void>;
  return {
    queries: ratios(
      each(({ query }) => query()),
      rounds,
    ),
    inserts: ratios(
      each(({ insert }) => insert()),
      rounds,
    ),
  };
}

async function open(way: Way): Promise<{ query: () => unknown; insert: () => void }> {
  const guest = new Guest(way);
  const initialise = require('sql.js/dist/sql-wasm.js') as Initialise;
  const module = guest.compile(sqliteBytes());
  const { Database } = await guest.runAsync(() =>
    initialise({
      instantiateWasm(imports, done) {
        const exports = guest.link(module, imports);
        done({ exports });
        return exports;
      },
    }),
  );
  const database = guest.run(() => new Database());
  guest.run(() => {
    database.run('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, amount INTEGER)');
    database.run(
      'CREATE TABLE log (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER); CREATE INDEX names ON log (name)',
    );
    insertItems(database);
  });
  return {
    query: () => guest.run(() => QUERIES.map((sql) => database.exec(sql)[0]?.values)),
    insert: () => guest.run(() => insertLog(database)),
  };
}

function insertItems(database: Database): void {
  database.run('BEGIN');
  const statement = database.prepare('INSERT INTO item VALUES (?, ?, ?, ?)');
  for (let id = 1; id <= 2_500; id++) {
    statement.run([id, `name ${((id * 7919) % 2_503).toString(16)}`, id % 9, (id * 31) % 2_500]);
  }
  statement.free();
  database.run('COMMIT');
}

function insertLog(database: Database): void {
  database.run('DELETE FROM log; BEGIN');
  const statement = database.prepare('INSERT INTO log (name, amount) VALUES (?, ?)');
  for (let id = 1; id <= 500; id++) statement.run([`event ${(id * 7919) % 503}`, id]);
  statement.free();
  database.run('COMMIT');
}

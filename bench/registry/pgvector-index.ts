import pg from 'pg';
import { PostgresModuleIndex } from '#registry';
import { SESSION } from '../../src/registry/postgres/connection.ts';
import { nearestStatement } from '../../src/registry/postgres/vector-search.ts';
import { systemClock as clock } from '../../src/system/clock.ts';
import type { Report } from '../figure.ts';
import { startPgvector } from './pgvector-server.ts';
import { columns, idOf, interfaceOf, rowOf } from './rows.ts';
import { DIMENSIONS, embeddings, near, percentile, seededRandom } from './vectors.ts';

const MODULES = 100_000;
const RARE = 10;
const QUERIES = 500;
/** So many of the queries are compared with an exact scan, which takes a hundred times as long. */
const COMPARED = 100;
const WARM_UP = 100;
/** The database ends what takes longer, and nothing is reported. */
const MAX_BUILD_S = 300;

/** One interface with 100,000 modules, and one with ten among them, in PostgreSQL with pgvector. */
export async function measurePgvector(report: Report): Promise<void> {
  const server = await startPgvector();
  try {
    const url = await server.createDatabase('bench');
    await (await PostgresModuleIndex.open({ url, clock })).close();
    const random = seededRandom(2);
    const vectors = embeddings(MODULES + RARE, random);
    await fill(url, vectors);
    // Opening makes the table of vectors and its HNSW index from the modules.
    const began = performance.now();
    const index = await PostgresModuleIndex.open({ url, clock });
    const built = (performance.now() - began) / 1_000;
    const ask = async (group: number, embedding: Float32Array): Promise<string[]> => {
      const query = { interfaceHash: interfaceOf(group), embedding, threshold: -1, limit: 10 };
      return (await index.find(query)).map(({ record }) => record.id);
    };
    // What the server would do by itself in the minutes after so many rows.
    await withClient(url, (client) => client.query('VACUUM ANALYZE').then(() => client.query('CHECKPOINT')));
    for (let at = 0; at < WARM_UP; at += 1) {
      await ask(0, vectors[at * 31]!);
      await ask(1, vectors[MODULES]!);
    }
    const wanted = Array.from({ length: QUERIES }, (_, at) => near(vectors[(at * 7919) % MODULES]!, random));
    const [answers, times] = await timed(wanted, (embedding) => ask(0, embedding));
    const rareWanted = Array.from({ length: RARE * 10 }, (_, at) => near(vectors[MODULES + (at % RARE)]!, random));
    const [rareAnswers, rareTimes] = await timed(rareWanted, (embedding) => ask(1, embedding));
    await index.close();
    const served = await scansOfIndex(url);
    const plan = await planOf(url, wanted[0]!);
    const recall = recallOf(answers.slice(0, COMPARED), wanted.slice(0, COMPARED), vectors.slice(0, MODULES));
    const rareRecall = rareAnswers.reduce((sum, ids) => sum + new Set(ids).size, 0) / (rareAnswers.length * RARE);

    const name = `pgvector query, one interface of ${MODULES} modules, ${DIMENSIONS} dimensions`;
    const rareName = `pgvector query, an interface of ${RARE} modules among ${MODULES}`;
    const atMost = (figure: string, value: number, unit: string, goal: number): void =>
      report({ figure, value, unit, goal: `<= ${goal}`, holds: value <= goal });
    atMost(`${name}, p99`, percentile(times, 0.99), 'ms', 10);
    atMost(`${name}, median`, percentile(times, 0.5), 'ms', 10);
    const peer = 'an exact scan';
    const recallName = `${name}, recall at 10`;
    report({ figure: recallName, value: recall, unit: '', peer, goal: '>= 0.98', holds: recall >= 0.98 });
    // A planner that scanned the table instead would be exact and slow, and these figures would say nothing of the index.
    const share = plan ? served / (WARM_UP + QUERIES) : 0;
    report({
      figure: `${name}, share served by the HNSW index`,
      value: share,
      unit: '',
      goal: '= 1',
      holds: share === 1,
    });
    report({
      figure: `${rareName}, recall at 10`,
      value: rareRecall,
      unit: '',
      peer,
      goal: '= 1',
      holds: rareRecall === 1,
    });
    atMost(`${rareName}, p99`, percentile(rareTimes, 0.99), 'ms', 10);
    atMost('pgvector table and HNSW index made anew', built, 's', MAX_BUILD_S);
  } finally {
    await server.close();
  }
}

async function timed(
  queries: readonly Float32Array[],
  ask: (embedding: Float32Array) => Promise<string[]>,
): Promise<readonly [answers: string[][], times: number[]]> {
  const answers: string[][] = [];
  const times: number[] = [];
  for (const query of queries) {
    const start = performance.now();
    const ids = await ask(query);
    times.push(performance.now() - start);
    answers.push(ids);
  }
  return [answers, times];
}

/** How often the HNSW index was scanned so far, as PostgreSQL counts it. */
async function scansOfIndex(url: string): Promise<number> {
  return withClient(url, async (client) => {
    // A connection tells what it did at most once a second.
    await client.query('SELECT pg_sleep(1.5)');
    const { rows } = await client.query(
      "SELECT idx_scan::int AS scans FROM pg_stat_user_indexes WHERE indexrelname = 'vivarium_vectors_nearest'",
    );
    return Number(rows[0]?.scans);
  });
}

/** Whether PostgreSQL plans the statement of a search as a scan of the HNSW index. */
async function planOf(url: string, embedding: Float32Array): Promise<boolean> {
  return withClient(url, async (client) => {
    await client.query(SESSION);
    const values = [interfaceOf(0), `[${embedding.join(',')}]`, null, 20];
    const { rows } = await client.query(`EXPLAIN ${nearestStatement(DIMENSIONS)}`, values);
    return rows.some((row) => /Index Scan using vivarium_vectors_nearest/.test(String(row['QUERY PLAN'])));
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function fill(url: string, vectors: readonly Float32Array[]): Promise<void> {
  return withClient(url, async (client) => {
    await client.query('BEGIN');
    const batch = 200;
    for (let from = 0; from < vectors.length; from += batch) {
      const values: unknown[] = [];
      const tuples = vectors.slice(from, from + batch).map((vector, offset) => {
        const at = from + offset;
        const row = rowOf(at, at < MODULES ? 0 : 1, at + 1, vector).map((value) =>
          value instanceof Uint8Array ? Buffer.from(value) : value,
        );
        return `(${row.map((value) => `$${values.push(value)}`).join(', ')})`;
      });
      await client.query(`INSERT INTO vivarium_modules (${columns.join(', ')}) VALUES ${tuples.join(', ')}`, values);
    }
    await client.query("INSERT INTO vivarium_embedder (one, id, dimensions) VALUES (1, 'bench', $1)", [DIMENSIONS]);
    await client.query('COMMIT');
    await client.query('ANALYZE vivarium_modules');
    await client.query(`ALTER DATABASE bench SET statement_timeout = '${MAX_BUILD_S}s'`);
  });
}

/** Which share of the ten most similar modules, by an exact scan, the answers hold. */
function recallOf(
  answers: readonly string[][],
  wanted: readonly Float32Array[],
  vectors: readonly Float32Array[],
): number {
  const units = vectors.map(unit);
  let found = 0;
  answers.forEach((ids, at) => {
    const exact = new Set(tenBest(units, unit(wanted[at]!)));
    found += ids.filter((id) => exact.has(id)).length;
  });
  return found / (10 * answers.length);
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

function tenBest(units: readonly Float32Array[], wanted: Float32Array): string[] {
  const scores = units.map((vector, at) => {
    let sum = 0;
    for (let k = 0; k < DIMENSIONS; k += 1) sum += vector[k]! * wanted[k]!;
    return { at, sum };
  });
  return scores
    .sort((a, b) => b.sum - a.sum)
    .slice(0, 10)
    .map(({ at }) => idOf(at));
}

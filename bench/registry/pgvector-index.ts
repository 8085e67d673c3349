import pg from 'pg';
import { PostgresModuleIndex } from '#registry';
import type { Report } from '../figure.ts';
import { clock } from './clock.ts';
import { startPgvector } from './pgvector-server.ts';
import { columns, idOf, interfaceOf, rowOf } from './rows.ts';
import { DIMENSIONS, embeddings, near, percentile, seededRandom } from './vectors.ts';

const MODULES = 100_000;
const RARE = 10;
const QUERIES = 100;

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
    const units = vectors.map(unit);
    for (let at = 0; at < 50; at += 1) await ask(0, vectors[at * 31]!);
    const times: number[] = [];
    let found = 0;
    for (let at = 0; at < QUERIES; at += 1) {
      const wanted = near(vectors[(at * 7919) % MODULES]!, random);
      const start = performance.now();
      const ids = await ask(0, wanted);
      times.push(performance.now() - start);
      const exact = new Set(tenBest(units, unit(wanted)));
      found += ids.filter((id) => exact.has(id)).length;
    }
    const rare = new Set<string>();
    const rareTimes: number[] = [];
    for (let at = 0; at < 20; at += 1) {
      const start = performance.now();
      for (const id of await ask(1, near(vectors[MODULES + (at % RARE)]!, random))) rare.add(`${at}/${id}`);
      rareTimes.push(performance.now() - start);
    }
    await index.close();
    await expectIndexed(url);
    const name = `pgvector query, one interface of ${MODULES} modules, 512 dimensions`;
    const p99 = percentile(times, 0.99);
    const p50 = percentile(times, 0.5);
    const recall = found / (10 * QUERIES);
    report({ figure: `${name}, p99`, value: p99, unit: 'ms', goal: '<= 10', holds: p99 <= 10 });
    report({ figure: `${name}, median`, value: p50, unit: 'ms', goal: '<= 10', holds: p50 <= 10 });
    report({
      figure: `${name}, recall at 10`,
      value: recall,
      unit: '',
      peer: 'an exact scan',
      goal: '>= 0.98',
      holds: recall >= 0.98,
    });
    const rareRecall = rare.size / (RARE * 20);
    const rareName = `pgvector query, an interface of ${RARE} modules among ${MODULES}`;
    report({
      figure: `${rareName}, recall at 10`,
      value: rareRecall,
      unit: '',
      peer: 'an exact scan',
      goal: '= 1',
      holds: rareRecall === 1,
    });
    const rareP99 = percentile(rareTimes, 0.99);
    report({ figure: `${rareName}, p99`, value: rareP99, unit: 'ms', goal: '<= 10', holds: rareP99 <= 10 });
    report({
      figure: 'pgvector table and HNSW index made anew',
      value: built,
      unit: 's',
      goal: '<= 900',
      holds: built <= 900,
    });
  } finally {
    await server.close();
  }
}

/** A planner that scans the table instead would be exact and slow, and these figures would say nothing of the index. */
async function expectIndexed(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(
    "SELECT idx_scan::int AS scans FROM pg_stat_user_indexes WHERE indexrelname = 'vivarium_vectors_unit'",
  );
  await client.end();
  if (!(rows[0]?.scans >= QUERIES)) throw new Error(`the HNSW index served ${rows[0]?.scans} of ${QUERIES} queries`);
}

async function fill(url: string, vectors: readonly Float32Array[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
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
  await client.end();
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

function tenBest(units: readonly Float32Array[], wanted: Float32Array): string[] {
  const scores = units.slice(0, MODULES).map((vector, at) => {
    let sum = 0;
    for (let k = 0; k < DIMENSIONS; k += 1) sum += vector[k]! * wanted[k]!;
    return { at, sum };
  });
  return scores
    .sort((a, b) => b.sum - a.sum)
    .slice(0, 10)
    .map(({ at }) => idOf(at));
}

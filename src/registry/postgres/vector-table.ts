import { digestOf } from '#security';
import { isComparable, normalize, packVector, unpackVector } from '../embedding.ts';
import type { ReadQuery } from '../query.ts';
import { ROUNDING, type Scored } from '../vectors/vector-group.ts';
import { rankTies } from '../vectors/vector-groups.ts';
import type { PostgresConnection, RunStatement } from './connection.ts';

/** The most dimensions that pgvector's HNSW index takes. */
const MAX_INDEXED = 2_000;
/** Up to so many dimensions a row fits into a page, and no second look-up is needed for the vector. */
const MAX_INLINE = 1_900;
/** Interfaces with fewer modules are searched exactly; it takes no longer than the index would. */
const EXACT = 2_000;
/** Fewest rows asked of the index: its last ones are the least sure. */
const LEAST = 20;
/** Making the index anew takes minutes for a hundred thousand modules. */
const BUILD_TIMEOUT_MS = 3_600_000;

const ALIVE = `
  m.validation_status = 'verified' AND m.embedding IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM vivarium_modules s WHERE s.supersedes = m.storage_pointer
      AND s.interface_hash = m.interface_hash AND s.validation_status <> 'pending')`;

/**
 * Vectors of the modules that may be found, of length 1, in a table of pgvector's: `vivarium_vectors`. The packed vector
 * in the module's own row remains the one that was signed; this table can be made again from it.
 */
export class VectorTable {
  readonly #connection: PostgresConnection;
  #isThere = false;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  /** Whether the table is there; another process may have made it. */
  async isThere(run: RunStatement): Promise<boolean> {
    if (!this.#isThere) {
      const [row] = await run("SELECT to_regclass('vivarium_vectors') IS NOT NULL AS there");
      this.#isThere = row?.there === true;
    }
    return this.#isThere;
  }

  /** Makes the table if pgvector is there and takes so many dimensions, and fills it with what was published before. */
  async create(run: RunStatement, dimensions: number): Promise<void> {
    if (dimensions > MAX_INDEXED || (await this.isThere(run)) || !(await hasExtension(run))) return;
    await run('LOCK TABLE vivarium_modules IN SHARE ROW EXCLUSIVE MODE');
    if (await this.isThere(run)) return;
    await run(`
      CREATE TABLE vivarium_vectors (
        id text COLLATE "C" PRIMARY KEY REFERENCES vivarium_modules (id) ON DELETE CASCADE,
        interface_hash text NOT NULL,
        requires jsonb NOT NULL,
        unit_digest text NOT NULL,
        unit vector(${Number(dimensions)}) NOT NULL
      )`);
    if (dimensions <= MAX_INLINE) await run('ALTER TABLE vivarium_vectors ALTER COLUMN unit SET STORAGE PLAIN');
    await run('CREATE INDEX vivarium_vectors_interface ON vivarium_vectors (interface_hash, unit_digest)');
    for (let after = ''; ; ) {
      const rows = await run(
        `SELECT id, embedding FROM vivarium_modules m WHERE id > $1 AND ${ALIVE} ORDER BY id LIMIT 500`,
        [after],
      );
      const found = rows.flatMap(({ id, embedding }) => {
        const vector = embedding instanceof Uint8Array ? unpackVector(embedding) : undefined;
        const fits = vector !== undefined && vector.length === dimensions && isComparable(vector);
        return fits ? [{ id: String(id), vector }] : [];
      });
      await this.#addAll(run, found);
      after = String(rows.at(-1)?.id);
      if (rows.length < 500) break;
    }
    // A graph that does not fit into this memory is built many times slower.
    await run(`SELECT set_config('maintenance_work_mem', '512MB', true)`);
    await run(
      'CREATE INDEX vivarium_vectors_unit ON vivarium_vectors USING hnsw (unit vector_ip_ops) WITH (ef_construction = 128)',
      [],
      BUILD_TIMEOUT_MS,
    );
    await run('ANALYZE vivarium_vectors');
  }

  /** Adds a module if it may be found. */
  add(run: RunStatement, id: string, embedding: Float32Array): Promise<void> {
    return this.#addAll(run, [{ id, vector: embedding }]);
  }

  /** Takes out what must not be found any more: a module, or what it supersedes. */
  async remove(
    run: RunStatement,
    interfaceHash: string,
    which: { id?: string; storagePointer?: string | null },
  ): Promise<void> {
    await run(
      `DELETE FROM vivarium_vectors WHERE id IN (
        SELECT id FROM vivarium_modules WHERE interface_hash = $1 AND (id = $2 OR storage_pointer = $3))`,
      [interfaceHash, which.id ?? null, which.storagePointer ?? null],
    );
  }

  /** The best matches, best first; exact where an interface has few modules, by the HNSW index where it has many. */
  async find(query: ReadQuery, embedding: Float32Array, dimensions: number): Promise<readonly Scored[]> {
    if (embedding.length !== dimensions || !isComparable(embedding)) return [];
    const { interfaceHash, threshold, limit, provided } = query;
    const wanted = textOf(normalize(embedding));
    const met = provided === undefined ? null : JSON.stringify(provided);
    const [row] = await this.#connection.query(
      `SELECT count(*) AS count FROM (SELECT 1 FROM vivarium_vectors WHERE interface_hash = $1 LIMIT ${EXACT + 1}) few`,
      [interfaceHash],
    );
    if (Number(row?.count) <= EXACT) {
      const scored = await this.#exact(interfaceHash, wanted, threshold, limit, met);
      return rankTies(scored, limit, (ids, most) => this.rank(ids, most));
    }
    const most = Math.max(limit + 1, LEAST);
    const rows = await this.#connection.transaction(
      (run) =>
        run(
          `SELECT id, unit_digest, -(unit <#> $2) AS similarity FROM vivarium_vectors
           WHERE interface_hash = $1 AND ($3::jsonb IS NULL OR requires <@ $3::jsonb)
           ORDER BY unit <#> $2 LIMIT $4`,
          [interfaceHash, wanted, met, most],
        ),
      // Or the planner might sort the whole interface: it knows little of what an HNSW scan costs.
      'BEGIN; SET LOCAL enable_sort = off',
    );
    const nearest = rows.map((one) => ({
      id: String(one.id),
      similarity: clamp(Number(one.similarity)),
      digest: String(one.unit_digest),
    }));
    const last = nearest.length < most ? undefined : nearest.at(-1)?.similarity;
    const matching = nearest.filter(({ similarity }) => similarity >= threshold - ROUNDING);
    return rankTies(matching, limit, async (ids, left) => {
      const run = nearest.filter(({ id }) => ids.includes(id));
      const isWhole = last === undefined || run.every(({ similarity }) => similarity > last + ROUNDING);
      if (isWhole) return this.rank(ids, left);
      // Equal vectors may go on behind the last row that was asked for.
      return this.#rankEqual(interfaceHash, [...new Set(run.map(({ digest }) => digest))], met, left);
    });
  }

  /** The first of these modules by use count, age and id. */
  async rank(ids: readonly string[], limit: number): Promise<readonly string[]> {
    const rows = await this.#connection.query(
      'SELECT id FROM vivarium_modules WHERE id = ANY($1) ORDER BY use_count DESC, created_at, id LIMIT $2',
      [ids, limit],
    );
    return rows.map(({ id }) => String(id));
  }

  async #addAll(run: RunStatement, modules: readonly { id: string; vector: Float32Array }[]): Promise<void> {
    const units = modules.map(({ vector }) => normalize(vector));
    await run(
      `INSERT INTO vivarium_vectors (id, interface_hash, requires, unit_digest, unit)
       SELECT m.id, m.interface_hash, m.requires, n.digest, n.unit::vector
       FROM unnest($1::text[], $2::text[], $3::text[]) AS n (id, digest, unit)
       JOIN vivarium_modules m ON m.id = n.id WHERE ${ALIVE}
       ON CONFLICT DO NOTHING`,
      [modules.map(({ id }) => id), units.map((unit) => digestOf(packVector(unit))), units.map(textOf)],
    );
  }

  async #rankEqual(
    interfaceHash: string,
    digests: readonly string[],
    met: string | null,
    limit: number,
  ): Promise<readonly string[]> {
    const rows = await this.#connection.query(
      `SELECT m.id FROM vivarium_vectors v JOIN vivarium_modules m ON m.id = v.id
       WHERE v.interface_hash = $1 AND v.unit_digest = ANY($2) AND ($3::jsonb IS NULL OR v.requires <@ $3::jsonb)
       ORDER BY m.use_count DESC, m.created_at, m.id LIMIT $4`,
      [interfaceHash, digests, met, limit],
    );
    return rows.map(({ id }) => String(id));
  }

  async #exact(
    interfaceHash: string,
    wanted: string,
    threshold: number,
    limit: number,
    met: string | null,
  ): Promise<readonly Scored[]> {
    // Materialized, or the planner might walk the HNSW index, which finds a rare interface's modules by chance only.
    const rows = await this.#connection.query(
      `WITH scored AS MATERIALIZED (
        SELECT id, -(unit <#> $2) AS similarity FROM vivarium_vectors
        WHERE interface_hash = $1 AND ($3::jsonb IS NULL OR requires <@ $3::jsonb)
      ), last AS (SELECT similarity FROM scored ORDER BY similarity DESC OFFSET $4 LIMIT 1)
      SELECT id, similarity FROM scored
      WHERE similarity >= $5::float8 - ${ROUNDING}
        AND similarity >= coalesce((SELECT similarity FROM last), -2) - ${ROUNDING}`,
      [interfaceHash, wanted, met, limit - 1, threshold],
    );
    return rows.map(({ id, similarity }) => ({ id: String(id), similarity: clamp(Number(similarity)) }));
  }
}

/** The extension, made if the server has it and the role may. Filtered searches need version 0.8. */
async function hasExtension(run: RunStatement): Promise<boolean> {
  const [available] = await run("SELECT 1 AS one FROM pg_available_extensions WHERE name = 'vector'");
  if (available === undefined) return false;
  await run('SAVEPOINT extension');
  try {
    await run('CREATE EXTENSION IF NOT EXISTS vector');
  } catch {
    await run('ROLLBACK TO SAVEPOINT extension');
  }
  const [row] = await run("SELECT extversion FROM pg_extension WHERE extname = 'vector'");
  const [major, minor] = String(row?.extversion ?? '0.0')
    .split('.')
    .map(Number);
  return (major ?? 0) > 0 || (minor ?? 0) >= 8;
}

function textOf(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
}

function clamp(similarity: number): number {
  return Math.min(1, Math.max(-1, similarity));
}

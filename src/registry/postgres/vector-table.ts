import { digestOf } from '#security/signatures';
import { isComparable, normalize, packVector, unpackVector } from '../embedding.ts';
import type { RunStatement } from './connection.ts';

/** The most dimensions of halfvec that pgvector's HNSW index accepts. */
const MAX_INDEXED = 4_000;
/** Up to this many dimensions a row fits into a page, and the vector needs no second look-up. */
const MAX_INLINE = 1_900;
/** The time limit for rebuilding the index, which takes minutes for a hundred thousand modules. */
const BUILD_TIMEOUT_MS = 3_600_000;

const ALIVE = `
  m.validation_status = 'verified' AND m.embedding IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM vivarium_modules s WHERE s.supersedes = m.storage_pointer
      AND s.interface_hash = m.interface_hash AND s.validation_status <> 'pending')`;

/**
 * The unit vectors of the modules that may be found, in the pgvector table `vivarium_vectors`. The packed vector in the
 * module's own row is the one that was signed, and this table can be rebuilt from it.
 */
export class VectorTable {
  #isThere = false;

  /** Whether the table exists; another process may have made it. */
  async isThere(run: RunStatement): Promise<boolean> {
    if (!this.#isThere) {
      const [row] = await run("SELECT to_regclass('vivarium_vectors') IS NOT NULL AS there");
      this.#isThere = row?.there === true;
    }
    return this.#isThere;
  }

  /**
   * Makes the table if pgvector exists and accepts this many dimensions, and fills it with the modules published
   * before.
   */
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
    // Building a graph that does not fit into this memory takes many times longer.
    await run(`SELECT set_config('maintenance_work_mem', '512MB', true)`);
    await run(
      `CREATE INDEX vivarium_vectors_nearest ON vivarium_vectors
       USING hnsw ((unit::halfvec(${Number(dimensions)})) halfvec_ip_ops) WITH (ef_construction = 128)`,
      [],
      BUILD_TIMEOUT_MS,
    );
    await run('ANALYZE vivarium_vectors');
  }

  /** Adds a module if it may be found. */
  add(run: RunStatement, id: string, embedding: Float32Array): Promise<void> {
    return this.#addAll(run, [{ id, vector: embedding }]);
  }

  /** Removes modules that must not be found any more: a module, or the ones that it supersedes. */
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
}

/** Whether the extension exists, or can be made by this role. Filtered searches need version 0.8. */
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

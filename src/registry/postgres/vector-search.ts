import { LRUCache } from 'lru-cache';
import type { Clock } from '#core/ports/clock';
import { isComparable, normalize } from '../embedding.ts';
import type { ReadQuery } from '../query.ts';
import { ROUNDING, type Scored } from '../vectors/vector-group.ts';
import { rankTies } from '../vectors/vector-groups.ts';
import type { PostgresConnection } from './connection.ts';
import { rankModules } from './rank.ts';

/** Interfaces with fewer modules are searched exactly, which takes no longer than the index would. */
const EXACT = 2_000;
/** The fewest rows to request from the index, whose last rows are the least reliable. */
const LEAST = 20;
/**
 * How much the index's 16-bit numbers may change a similarity. Vectors with a smaller difference may come in either
 * order.
 */
const HALF_ROUNDING = 2e-3;
/** How long an interface counts as large after it was found to be large. */
const LARGE_MS = 60_000;
const MOST_LARGE = 10_000;

/** A query in the form that the statements take. */
interface Wanted {
  readonly interfaceHash: string;
  /** The unit vector in pgvector's binary form. */
  readonly vector: Uint8Array;
  readonly threshold: number;
  readonly limit: number;
  /** A JSON list of the imports that can be provided; null when all can. */
  readonly met: string | null;
}

/**
 * Searches the table `vivarium_vectors`: exactly for an interface with few modules, by the HNSW index for one with
 * many.
 */
export class VectorSearch {
  readonly #connection: PostgresConnection;
  /** Interfaces that were large recently. Counting for every query would take as long as the search. */
  readonly #large: LRUCache<string, true>;

  constructor(connection: PostgresConnection, clock: Clock) {
    this.#connection = connection;
    this.#large = new LRUCache({
      max: MOST_LARGE,
      ttl: LARGE_MS,
      ttlResolution: 0,
      // The cache takes an entry made at time 0 for one without a time.
      perf: { now: () => clock.monotonic() + 1 },
    });
  }

  /** Returns the best matches, best first. */
  async find(query: ReadQuery, embedding: Float32Array, dimensions: number): Promise<readonly Scored[]> {
    if (embedding.length !== dimensions || !isComparable(embedding)) return [];
    const { interfaceHash, threshold, limit, provided } = query;
    const vector = binaryOf(normalize(embedding));
    const met = provided === undefined ? null : JSON.stringify(provided);
    const wanted: Wanted = { interfaceHash, vector, threshold, limit, met };
    if (!(await this.#isLarge(interfaceHash))) return this.#exact(wanted);
    return (await this.#nearest(wanted, dimensions)) ?? this.#exact(wanted);
  }

  async #isLarge(interfaceHash: string): Promise<boolean> {
    if (this.#large.has(interfaceHash)) return true;
    const rows = await this.#connection.query(
      `SELECT 1 AS one FROM vivarium_vectors WHERE interface_hash = $1 OFFSET ${EXACT} LIMIT 1`,
      [interfaceHash],
    );
    if (rows.length > 0) this.#large.set(interfaceHash, true);
    return rows.length > 0;
  }

  /**
   * Searches by the index, which holds the vectors at half precision, and scores the results at full precision. Returns
   * undefined when the index gave up before it had enough: it reads at most 20,000 vectors, and few of them may match.
   */
  async #nearest(wanted: Wanted, dimensions: number): Promise<readonly Scored[] | undefined> {
    const { interfaceHash, threshold, limit, met } = wanted;
    const most = Math.max(limit + 1, LEAST);
    const rows = await this.#connection.query(nearestStatement(dimensions), [interfaceHash, wanted.vector, met, most]);
    const nearest = rows.map((row) => ({
      id: String(row.id),
      similarity: clamp(Number(row.similarity)),
      digest: String(row.unit_digest),
    }));
    const least = Math.min(1, ...nearest.map(({ similarity }) => similarity));
    if (nearest.length < most && (nearest.length === 0 || least >= threshold - HALF_ROUNDING)) {
      this.#large.delete(interfaceHash);
      return undefined;
    }
    const matching = nearest.filter(({ similarity }) => similarity >= threshold - ROUNDING);
    return rankTies(matching, limit, (ids, left) => {
      const run = nearest.filter(({ id }) => ids.includes(id));
      const isWhole = nearest.length < most || run.every(({ similarity }) => similarity > least + HALF_ROUNDING);
      if (isWhole) return rankModules(this.#connection, ids, left);
      // Vectors equal to the last row may follow after it.
      return this.#rankEqual(wanted, [...new Set(run.map(({ digest }) => digest))], left);
    });
  }

  async #rankEqual(wanted: Wanted, digests: readonly string[], limit: number): Promise<readonly string[]> {
    const rows = await this.#connection.query(
      `SELECT m.id FROM vivarium_vectors v JOIN vivarium_modules m ON m.id = v.id
       WHERE v.interface_hash = $1 AND v.unit_digest = ANY($2) AND ($3::jsonb IS NULL OR v.requires <@ $3::jsonb)
       ORDER BY m.use_count DESC, m.created_at, m.id LIMIT $4`,
      [wanted.interfaceHash, digests, wanted.met, limit],
    );
    return rows.map(({ id }) => String(id));
  }

  async #exact({ interfaceHash, vector, threshold, limit, met }: Wanted): Promise<readonly Scored[]> {
    // The query is materialized. Otherwise the planner might use the HNSW index, which finds a rare interface's modules
    // only by chance.
    const rows = await this.#connection.query(
      `WITH scored AS MATERIALIZED (
        SELECT id, -(unit <#> $2) AS similarity FROM vivarium_vectors
        WHERE interface_hash = $1 AND ($3::jsonb IS NULL OR requires <@ $3::jsonb)
      ), last AS (SELECT similarity FROM scored ORDER BY similarity DESC OFFSET $4 LIMIT 1)
      SELECT id, similarity FROM scored
      WHERE similarity >= $5::float8 - ${ROUNDING}
        AND similarity >= coalesce((SELECT similarity FROM last), -2) - ${ROUNDING}`,
      [interfaceHash, vector, met, limit - 1, threshold],
    );
    const scored = rows.map(({ id, similarity }) => ({ id: String(id), similarity: clamp(Number(similarity)) }));
    return rankTies(scored, limit, (ids, most) => rankModules(this.#connection, ids, most));
  }
}

/**
 * The statement that uses the HNSW index. It orders by the very expression that is indexed. The connection's planner
 * must not sort, because it knows little about the cost of an HNSW scan and might read the whole interface.
 */
export function nearestStatement(dimensions: number): string {
  const half = `halfvec(${Number(dimensions)})`;
  return `SELECT id, unit_digest, -(unit <#> $2::vector) AS similarity FROM vivarium_vectors
    WHERE interface_hash = $1 AND ($3::jsonb IS NULL OR requires <@ $3::jsonb)
    ORDER BY unit::${half} <#> $2::vector::${half} LIMIT $4`;
}

/**
 * Encodes a vector as pgvector receives it: two 16-bit numbers, the dimensions and zero, then big-endian float32. Text
 * takes twice as long.
 */
function binaryOf(vector: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + vector.length * 4));
  view.setInt16(0, vector.length);
  for (let at = 0; at < vector.length; at += 1) view.setFloat32(4 + at * 4, vector[at]!);
  return new Uint8Array(view.buffer);
}

function clamp(similarity: number): number {
  return Math.min(1, Math.max(-1, similarity));
}

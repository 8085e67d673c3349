import type { RegistryStatistics } from './index-backend.ts';
import { isModuleId, type Row } from './record.ts';

/** Combines the three result sets: modules by status, lookups by outcome, the most used modules. */
export function statisticsOf(modules: Iterable<Row>, lookups: Iterable<Row>, used: Iterable<Row>): RegistryStatistics {
  const counts = { pending: 0, verified: 0, revoked: 0 };
  let bytes = 0;
  for (const row of modules) {
    const status = row.validation_status;
    if (status !== 'pending' && status !== 'verified' && status !== 'revoked') continue;
    counts[status] = Number(row.count);
    if (status !== 'revoked') bytes += Number(row.bytes);
  }
  const outcomes = { hit: 0, miss: 0, refused: 0, failed: 0 };
  let savedMs = 0;
  for (const row of lookups) {
    const { outcome } = row;
    if (outcome !== 'hit' && outcome !== 'miss' && outcome !== 'refused' && outcome !== 'failed') continue;
    outcomes[outcome] += Number(row.count);
    savedMs += Number(row.saved_ms ?? 0);
  }
  const total = outcomes.hit + outcomes.miss + outcomes.refused + outcomes.failed;
  const mostUsed = [...used]
    .filter((row) => isModuleId(row.id))
    .map((row) => ({ id: String(row.id), name: String(row.name), useCount: Number(row.use_count) }));
  return { modules: counts, bytes, outcomes, hitRate: total === 0 ? 0 : outcomes.hit / total, savedMs, mostUsed };
}

/** The number of modules that the statistics list as the most used. */
const MOST_USED = 10;

/**
 * The three statements of the statistics, which both databases understand. The time saved for an interface is the
 * number of its hits times the mean time of its misses, minus the time of the hits.
 */
export function statisticsQueries(prefix: string): readonly [modules: string, lookups: string, used: string] {
  return [
    `SELECT validation_status, count(*) AS count, sum(size) AS bytes FROM ${prefix}modules GROUP BY validation_status`,
    `WITH totals AS (
      SELECT interface_hash, outcome, count(*) AS n, sum(elapsed_ms) AS took
      FROM ${prefix}lookups GROUP BY interface_hash, outcome
    )
    SELECT t.outcome, sum(t.n) AS count,
      sum(CASE WHEN t.outcome = 'hit' AND m.n > 0 THEN t.n * (m.took / m.n) - t.took ELSE 0 END) AS saved_ms
    FROM totals t
    LEFT JOIN totals m ON m.interface_hash = t.interface_hash AND m.outcome = 'miss'
    GROUP BY t.outcome`,
    `SELECT id, name, use_count FROM ${prefix}modules WHERE use_count > 0 ORDER BY use_count DESC, id LIMIT ${MOST_USED}`,
  ];
}

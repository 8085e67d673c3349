import type { LookupOutcome } from '#core/ports/registry';
import type { LogRule, LookupLog, RegistryStatistics } from '../index-backend.ts';
import { statisticsOf, statisticsQueries } from '../statistics.ts';
import type { PostgresConnection } from './connection.ts';
import { PREFIX } from './schema.ts';

/** The outcomes of lookups, in the table `vivarium_lookups`. */
export class PostgresLookupLog implements LookupLog {
  readonly #connection: PostgresConnection;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  append(outcome: LookupOutcome, at: number): Promise<void> {
    const { requestHash, interfaceHash, moduleId = null, elapsedMs } = outcome;
    return this.#connection.transaction(async (run) => {
      await run(
        `INSERT INTO vivarium_lookups (at, request_hash, interface_hash, outcome, module_id, elapsed_ms)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [at, requestHash, interfaceHash, outcome.outcome, moduleId, elapsedMs],
      );
      if (outcome.outcome !== 'hit' || moduleId === null) return;
      await run(
        `UPDATE vivarium_modules
         SET use_count = use_count + 1, last_used_at = greatest(coalesce(last_used_at, 0), $1) WHERE id = $2`,
        [at, moduleId],
      );
    });
  }

  async statistics(): Promise<RegistryStatistics> {
    const [modules, lookups, used] = statisticsQueries(PREFIX);
    const query = (sql: string) => this.#connection.query(sql);
    return statisticsOf(await query(modules), await query(lookups), await query(used));
  }

  async forget({ before, keep }: LogRule): Promise<number> {
    const [row] = await this.#connection.query(
      `WITH gone AS (
         DELETE FROM vivarium_lookups
         WHERE at < $1 OR at <= (SELECT at FROM vivarium_lookups ORDER BY at DESC OFFSET $2 LIMIT 1)
         RETURNING 1
       ) SELECT count(*) AS count FROM gone`,
      [before, keep],
    );
    return Number(row?.count);
  }
}

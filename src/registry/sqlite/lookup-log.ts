import type { LookupOutcome } from '#core/ports/registry';
import type { LogRule, LookupLog, RegistryStatistics } from '../index-backend.ts';
import { statisticsOf, statisticsQueries } from '../statistics.ts';
import type { SqliteDatabase } from './database.ts';

/** The outcomes of lookups, in the table `lookups`. */
export class SqliteLookupLog implements LookupLog {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  append(outcome: LookupOutcome, at: number): Promise<void> {
    return this.#database.write(() => {
      this.#database.change(
        'INSERT INTO lookups (at, request_hash, interface_hash, outcome, module_id, elapsed_ms) VALUES (?, ?, ?, ?, ?, ?)',
        at,
        outcome.requestHash,
        outcome.interfaceHash,
        outcome.outcome,
        outcome.moduleId ?? null,
        outcome.elapsedMs,
      );
      if (outcome.outcome !== 'hit' || outcome.moduleId === undefined) return;
      this.#database.change(
        'UPDATE modules SET use_count = use_count + 1, last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?',
        at,
        outcome.moduleId,
      );
    });
  }

  statistics(): Promise<RegistryStatistics> {
    const [modules, lookups, used] = statisticsQueries('');
    return this.#database.run(() =>
      statisticsOf(this.#database.all(modules), this.#database.all(lookups), this.#database.all(used)),
    );
  }

  forget({ before, keep }: LogRule): Promise<number> {
    return this.#database.write(() =>
      this.#database.change(
        'DELETE FROM lookups WHERE at < ? OR at <= (SELECT at FROM lookups ORDER BY at DESC LIMIT 1 OFFSET ?)',
        before,
        keep,
      ),
    );
  }
}

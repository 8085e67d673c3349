import type { CustomTypesConfig, Pool, PoolClient, QueryConfig, QueryResult } from 'pg';
import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import { RegistryError } from '../errors.ts';
import type { Row } from '../record.ts';
import { POSTGRES_MIGRATIONS } from './schema.ts';
import { StatementTimer } from './statement-timer.ts';

export type PostgresValue = string | number | Uint8Array | readonly string[] | null;

/** Runs one statement, for at most a minute by default. */
export type RunStatement = (sql: string, values?: readonly PostgresValue[], timeoutMs?: number) => Promise<Row[]>;

/** The ids of the PostgreSQL types bigint and numeric, which the client returns as text by default. */
const NUMBERS = new Set([20, 1_700]);
/** A number that nobody else is likely to lock: `vivarium` in ASCII. */
const MIGRATION_LOCK = '8532486130713293165';
const ATTEMPTS = 5;
const POOL_SIZE = 8;
const QUERY_TIMEOUT_MS = 60_000;
/**
 * Filtered searches continue until they have enough rows, and use an index wherever one has the order; see the ADR on
 * the index. A server without pgvector stores the settings as text.
 */
export const SESSION: string = `SELECT set_config('hnsw.ef_search', '200', false), set_config('hnsw.iterative_scan', 'strict_order', false),
  set_config('enable_sort', 'off', false)`;

/**
 * A pool of connections with transactions, typed errors and migrations. A broken connection is replaced at the next
 * use.
 */
export class PostgresConnection {
  readonly #pool: Pool;
  readonly #clock: Clock;
  /** The timers of connections whose session settings are made. */
  readonly #timers = new WeakMap<PoolClient, StatementTimer>();

  private constructor(pool: Pool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
    // Without this listener an idle connection that breaks would end the process. The next statement opens another one.
    pool.on('error', () => undefined);
  }

  /** Makes the pool without connecting. @throws {RegistryError} `REGISTRY_MISSING_PEER` */
  static async create(url: string, clock: Clock): Promise<PostgresConnection> {
    const { default: pg } = await import('pg').catch((cause: unknown) => {
      throw new RegistryError(
        'REGISTRY_MISSING_PEER',
        `the client of PostgreSQL cannot be loaded (${messageOf(cause)}); install it: npm install pg@8`,
        { cause },
      );
    });
    const types: CustomTypesConfig = {
      getTypeParser: (id, format) => (NUMBERS.has(id) ? Number : pg.types.getTypeParser(id, format)),
    };
    return new PostgresConnection(
      new pg.Pool({
        connectionString: url,
        max: POOL_SIZE,
        connectionTimeoutMillis: 20_000,
        allowExitOnIdle: true,
        application_name: 'vivarium',
        types,
      }),
      clock,
    );
  }

  /** Runs one statement outside a transaction. @throws {RegistryError} */
  query(sql: string, values: readonly PostgresValue[] = []): Promise<Row[]> {
    return this.#withClient((run) => run(sql, values));
  }

  /**
   * Runs `work` in a transaction: all of it takes effect, or nothing. It runs again when PostgreSQL aborted it to
   * resolve a deadlock.
   * @throws {RegistryError} `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED`
   */
  async transaction<T>(work: (run: RunStatement) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#withClient(async (run) => {
          await run('BEGIN');
          try {
            const result = await work(run);
            await run('COMMIT');
            return result;
          } catch (error) {
            await run('ROLLBACK').catch(() => undefined);
            throw error;
          }
        });
      } catch (error) {
        const isConflict = error instanceof RegistryError && /^40(001|P01)$/.test(stateOf(error.cause) ?? '');
        if (!isConflict || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** Brings the schema up to date. @throws {RegistryError} `REGISTRY_SCHEMA` when a newer program wrote the database */
  migrate(): Promise<void> {
    return this.transaction(async (run) => {
      await run(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
      await run('CREATE TABLE IF NOT EXISTS vivarium_schema (version integer NOT NULL)');
      const [row] = await run('SELECT version FROM vivarium_schema');
      const version = Number(row?.version ?? 0);
      if (version > POSTGRES_MIGRATIONS.length) {
        throw new RegistryError(
          'REGISTRY_SCHEMA',
          `the registry's database has schema ${version}, but this program knows ${POSTGRES_MIGRATIONS.length}; use a newer program`,
        );
      }
      for (const migration of POSTGRES_MIGRATIONS.slice(version)) await run(migration);
      await run('DELETE FROM vivarium_schema');
      await run('INSERT INTO vivarium_schema (version) VALUES ($1)', [POSTGRES_MIGRATIONS.length]);
    });
  }

  async close(): Promise<void> {
    if (!this.#pool.ended) await this.#pool.end();
  }

  /**
   * Runs `work` with a connection. A connection that broke while it was idle fails at its first statement, which the
   * server then did not run. Another connection takes its place, at most as often as there are connections.
   */
  async #withClient<T>(work: (run: RunStatement) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const statements = { done: 0 };
      try {
        return await this.#withOneClient(work, statements);
      } catch (error) {
        const isStale = error instanceof RegistryError && statements.done === 0 && isTermination(error.cause);
        if (!isStale || attempt > POOL_SIZE) throw error;
      }
    }
  }

  async #withOneClient<T>(work: (run: RunStatement) => Promise<T>, statements: { done: number }): Promise<T> {
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (cause) {
      throw typed(cause);
    }
    let broken: Error | undefined;
    // A connection that breaks during use reports this here as well as in the statement.
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on('error', onError);
    const timer = this.#timers.get(client) ?? new StatementTimer(this.#clock);
    const run: RunStatement = async (text, values = [], timeoutMs = QUERY_TIMEOUT_MS) => {
      // A rollback would wait for a statement that gets no answer.
      if (broken !== undefined) throw typed(broken);
      try {
        // Without parameters one text may contain several statements, as migrations do.
        const query: QueryConfig = values.length > 0 ? { text, values: [...values] } : { text };
        const rows = await rowsOf(client, query, timer, timeoutMs);
        statements.done += 1;
        return rows;
      } catch (cause) {
        // An error without a state does not come from the server: the connection cannot be used any more.
        if (stateOf(cause) === undefined) broken = cause instanceof Error ? cause : new Error(String(cause));
        throw typed(cause);
      }
    };
    try {
      if (!this.#timers.has(client)) {
        await run(SESSION);
        this.#timers.set(client, timer);
      }
      return await work(run);
    } finally {
      client.off('error', onError);
      if (broken !== undefined) timer.end();
      client.release(broken);
    }
  }
}

/**
 * Returns the rows of a statement. It uses the client's callback, because its promise keeps earlier results reachable
 * for so long that they leave the young generation, and full collections then delay searches.
 */
function rowsOf(client: PoolClient, query: QueryConfig, timer: StatementTimer, timeoutMs: number): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    timer.start(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    client.query(query, (error: Error | null, result: QueryResult<Row> | undefined) => {
      timer.stop();
      if (error) reject(error);
      // A text with several statements has several results, which nobody needs.
      else resolve(result?.rows ?? []);
    });
  });
}

/** The five characters with which PostgreSQL classifies an error. */
function stateOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether the server or the network ended the connection. */
function isTermination(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return (
    code === '57P01' ||
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    messageOf(error).startsWith('Connection terminated')
  );
}

function typed(cause: unknown): RegistryError {
  if (cause instanceof RegistryError) return cause;
  const state = stateOf(cause) ?? '';
  const why =
    messageOf(cause) || (cause instanceof AggregateError ? cause.errors.map(messageOf).join(', ') : 'no reason given');
  if (state.startsWith('28') || state === '42501' || state === '3D000') {
    return new RegistryError('REGISTRY_REFUSED', `the registry's database refuses us: ${why}`, { cause });
  }
  if (state === '22021')
    return new RegistryError('REGISTRY_INVALID_QUERY', `the database cannot take this text: ${why}`, { cause });
  return new RegistryError('REGISTRY_UNAVAILABLE', `the registry's database failed: ${why}`, { cause });
}

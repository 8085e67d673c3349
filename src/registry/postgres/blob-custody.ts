import type { Clock } from '#core/ports/clock';
import type { BlobCustody } from '../index-backend.ts';
import { condemned } from '../query.ts';
import type { PostgresConnection, RunStatement } from './connection.ts';

/** The blobs that are being deleted, in the table `vivarium_condemned`. */
export class PostgresBlobCustody implements BlobCustody {
  readonly #connection: PostgresConnection;
  readonly #clock: Clock;

  constructor(connection: PostgresConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  condemn(pointer: string, leaseMs: number): Promise<boolean> {
    return this.#connection.transaction(async (run) => {
      await this.lock(run, pointer);
      const now = this.#clock.now();
      const marked = await run(
        `INSERT INTO vivarium_condemned (storage_pointer, until)
         SELECT $1::text, $2::bigint WHERE NOT EXISTS (
           SELECT 1 FROM vivarium_modules WHERE storage_pointer = $1 AND validation_status <> 'revoked')
         ON CONFLICT (storage_pointer) DO UPDATE SET until = excluded.until WHERE vivarium_condemned.until <= $3
         RETURNING until`,
        [pointer, now + leaseMs, now],
      );
      return marked.length > 0;
    });
  }

  async absolve(pointer: string): Promise<void> {
    await this.#connection.query('DELETE FROM vivarium_condemned WHERE storage_pointer = $1', [pointer]);
  }

  /** Allows one writer at a time for each blob, so that a collector cannot miss a record that is being inserted. */
  async lock(run: RunStatement, pointer: string): Promise<void> {
    await run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [pointer]);
  }

  /** @throws {RegistryError} `REGISTRY_BUSY` while the blob is being deleted */
  async expectKept(run: RunStatement, pointer: string): Promise<void> {
    const [mark] = await run('SELECT until FROM vivarium_condemned WHERE storage_pointer = $1', [pointer]);
    if (Number(mark?.until ?? 0) > this.#clock.now()) throw condemned(pointer);
  }
}

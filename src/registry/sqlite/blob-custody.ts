import type { Clock } from '#core/ports/clock';
import type { BlobCustody } from '../index-backend.ts';
import { condemned } from '../query.ts';
import type { SqliteDatabase } from './database.ts';

/** The blobs that are being deleted, in the table `condemned`. */
export class SqliteBlobCustody implements BlobCustody {
  readonly #database: SqliteDatabase;
  readonly #clock: Clock;

  constructor(database: SqliteDatabase, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  condemn(pointer: string, leaseMs: number): Promise<boolean> {
    return this.#database.write(() => {
      const now = this.#clock.now();
      const owner = this.#database.get(
        `SELECT 1 AS one FROM modules WHERE storage_pointer = ? AND validation_status <> 'revoked'`,
        pointer,
      );
      if (owner !== undefined) return false;
      const marked = this.#database.change(
        `INSERT INTO condemned (storage_pointer, until) VALUES (?, ?)
         ON CONFLICT (storage_pointer) DO UPDATE SET until = excluded.until WHERE until <= ?`,
        pointer,
        now + leaseMs,
        now,
      );
      return marked > 0;
    });
  }

  async absolve(pointer: string): Promise<void> {
    await this.#database.write(() => this.#database.change('DELETE FROM condemned WHERE storage_pointer = ?', pointer));
  }

  /**
   * Checks, within a transaction, that the blob is kept. @throws {RegistryError} `REGISTRY_BUSY` while the blob is
   * being deleted
   */
  expectKept(pointer: string): void {
    const mark = this.#database.get('SELECT until FROM condemned WHERE storage_pointer = ?', pointer);
    if (Number(mark?.until ?? 0) > this.#clock.now()) throw condemned(pointer);
  }
}

import type { Clock } from '#core/ports/clock';
import type { LookupOutcome, ModuleMatch, ModuleQuery, ModuleRecord } from '#core/ports/registry';
import { packVector } from '../embedding.ts';
import type {
  EvictionRule,
  IndexBackend,
  LogRule,
  ModuleFilter,
  RegistryStatistics,
  Resigning,
  StatusChange,
} from '../index-backend.ts';
import { checkEmbedder, embedderMismatch, type ReadQuery, readQuery } from '../query.ts';
import { COLUMNS, readableRecords, recordOfRow, valuesOf } from '../record.ts';
import { VectorGroups } from '../vectors/vector-groups.ts';
import { SqliteBlobCustody } from './blob-custody.ts';
import { SqliteDatabase } from './database.ts';
import { embedderOf } from './embedder.ts';
import { SqliteLookupLog } from './lookup-log.ts';
import { vectorSource } from './vector-source.ts';

export interface SqliteIndexOptions {
  /** The database file, which is made when missing; `:memory:` for one that exists as long as the index. */
  readonly path: string;
  readonly clock: Clock;
  /** The memory for vectors in bytes; 512 MiB by default. 100,000 modules of 512 dimensions take 220 MiB. */
  readonly vectorCacheBytes?: number | undefined;
}

const ALL = COLUMNS.join(', ');
const UPSERT_INTERFACE = `
  INSERT INTO interfaces (interface_hash, version, generation) VALUES (?, 1, 0)
  ON CONFLICT (interface_hash) DO UPDATE SET version = version + 1 RETURNING version`;
const FIND_NEWEST = `
  SELECT ${ALL} FROM modules m
  WHERE interface_hash = ? AND validation_status = 'verified'
    AND NOT EXISTS (SELECT 1 FROM modules s WHERE s.supersedes = m.storage_pointer
      AND s.interface_hash = m.interface_hash AND s.validation_status <> 'pending')
    AND (? IS NULL OR NOT EXISTS (
      SELECT 1 FROM json_each(m.requires) r WHERE r.value NOT IN (SELECT value FROM json_each(?))))
  ORDER BY created_at DESC, use_count DESC, id LIMIT ?`;
const LIST = `
  SELECT ${ALL} FROM modules
  WHERE id > ?1 AND (?2 IS NULL OR validation_status = ?2) AND (?3 IS NULL OR name = ?3)
    AND (?4 IS NULL OR interface_hash = ?4) AND (?5 IS NULL OR storage_pointer = ?5)
  ORDER BY id LIMIT ?6`;
const EVICT = `
  WITH RECURSIVE doomed (id, interface_hash, supersedes) AS (
    SELECT id, interface_hash, supersedes FROM (
      SELECT id, interface_hash, supersedes, coalesce(last_used_at, created_at) AS used,
        row_number() OVER (ORDER BY use_count DESC, coalesce(last_used_at, created_at) DESC, id) AS place
      FROM modules WHERE validation_status <> 'revoked'
    ) WHERE used < ? OR place > ?
    UNION
    SELECT p.id, p.interface_hash, p.supersedes FROM modules p
    JOIN doomed d ON p.storage_pointer = d.supersedes AND p.interface_hash = d.interface_hash
  )
  DELETE FROM modules WHERE id IN (SELECT id FROM doomed) AND validation_status <> 'revoked'
  RETURNING id, interface_hash`;

/** The embedded index: one file, with vectors scanned in the process. Several processes may share the file. */
export class SqliteModuleIndex implements IndexBackend {
  readonly #database: SqliteDatabase;
  readonly #log: SqliteLookupLog;
  readonly #custody: SqliteBlobCustody;
  readonly #vectors: VectorGroups;

  private constructor(database: SqliteDatabase, options: SqliteIndexOptions) {
    this.#database = database;
    this.#log = new SqliteLookupLog(database);
    this.#custody = new SqliteBlobCustody(database, options.clock);
    this.#vectors = new VectorGroups(vectorSource(database), options.vectorCacheBytes ?? 512 * 2 ** 20);
  }

  /** @throws {RegistryError} `REGISTRY_UNAVAILABLE`, `REGISTRY_SCHEMA` */
  static async open(options: SqliteIndexOptions): Promise<SqliteModuleIndex> {
    const database = new SqliteDatabase(options.path, options.clock);
    try {
      await database.migrate();
      return new SqliteModuleIndex(database, options);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  insert(record: ModuleRecord): Promise<ModuleRecord> {
    return this.#database.write(() => {
      const { storagePointer: pointer } = record;
      const known = this.#database.get(`SELECT ${ALL} FROM modules WHERE storage_pointer = ?`, pointer);
      if (known !== undefined) return recordOfRow(known);
      this.#custody.expectKept(pointer);
      if (record.embedding !== undefined) {
        this.#database.change(
          'INSERT INTO embedder (one, id, dimensions) VALUES (1, ?, ?) ON CONFLICT DO NOTHING',
          record.embedderId ?? '',
          record.embedding.length,
        );
        checkEmbedder(embedderOf(this.#database)!, record);
      }
      const packed = record.embedding === undefined ? null : packVector(record.embedding);
      const values = [...valuesOf(record, packed), this.#touch(record.interfaceHash)];
      const places = values.map(() => '?').join(', ');
      this.#database.change(`INSERT INTO modules (${ALL}, changed) VALUES (${places})`, ...values);
      return record;
    });
  }

  get(id: string): Promise<ModuleRecord | undefined> {
    return this.#database.run(() => this.#get(id));
  }

  async find(query: ModuleQuery): Promise<readonly ModuleMatch[]> {
    const read = readQuery(query);
    const embedder = await this.#database.run(() => embedderOf(this.#database));
    if (query.embedderId !== undefined && embedder !== undefined && query.embedderId !== embedder.id) {
      throw embedderMismatch(embedder, query.embedderId);
    }
    return read.embedding === undefined ? this.#newest(read) : this.#similar(read, read.embedding);
  }

  change(id: string, from: ModuleRecord['status'], change: StatusChange): Promise<boolean> {
    return this.#database.write(() => {
      const row = this.#database.get(
        'SELECT interface_hash FROM modules WHERE id = ? AND validation_status = ?',
        id,
        from,
      );
      if (row === undefined) return false;
      this.#database.change(
        'UPDATE modules SET validation_status = ?, verification = ?, revocation = ?, changed = ? WHERE id = ?',
        change.status,
        change.status === 'verified' ? change.verification : null,
        change.status === 'revoked' ? change.revocation : null,
        this.#touch(String(row.interface_hash)),
        id,
      );
      return true;
    });
  }

  resign(id: string, { from, signature, keyId, verification }: Resigning): Promise<boolean> {
    return this.#database.write(() => {
      const row = this.#database.get(
        `SELECT interface_hash FROM modules
         WHERE id = ? AND validation_status = ? AND signature = ? AND verification IS ?`,
        id,
        from.status,
        from.signature,
        from.verification ?? null,
      );
      if (row === undefined) return false;
      this.#database.change(
        'UPDATE modules SET signature = ?, key_id = ?, verification = ?, changed = ? WHERE id = ?',
        signature,
        keyId,
        verification ?? null,
        this.#touch(String(row.interface_hash)),
        id,
      );
      return true;
    });
  }

  async touch(id: string, at: number): Promise<void> {
    await this.#database.write(() =>
      this.#database.change('UPDATE modules SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?', at, id),
    );
  }

  list(filter: ModuleFilter): Promise<readonly ModuleRecord[]> {
    const { status, name, interfaceHash, storagePointer, after = '', limit = 100 } = filter;
    const values = [after, status ?? null, name ?? null, interfaceHash ?? null, storagePointer ?? null, limit];
    return this.#database.run(() => readableRecords(this.#database.all(LIST, ...values)));
  }

  evict({ idleSince, keep }: EvictionRule): Promise<readonly string[]> {
    return this.#database.write(() => {
      const gone = this.#database.all(EVICT, idleSince ?? 0, keep ?? Number.MAX_SAFE_INTEGER);
      for (const hash of new Set(gone.map((row) => String(row.interface_hash)))) {
        this.#database.change('UPDATE interfaces SET generation = generation + 1 WHERE interface_hash = ?', hash);
      }
      return gone.map((row) => String(row.id));
    });
  }

  append(outcome: LookupOutcome, at: number): Promise<void> {
    return this.#log.append(outcome, at);
  }

  statistics(): Promise<RegistryStatistics> {
    return this.#log.statistics();
  }

  forget(rule: LogRule): Promise<number> {
    return this.#log.forget(rule);
  }

  condemn(pointer: string, leaseMs: number): Promise<boolean> {
    return this.#custody.condemn(pointer, leaseMs);
  }

  absolve(pointer: string): Promise<void> {
    return this.#custody.absolve(pointer);
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #get(id: string): ModuleRecord | undefined {
    const row = this.#database.get(`SELECT ${ALL} FROM modules WHERE id = ?`, id);
    return row === undefined ? undefined : recordOfRow(row);
  }

  #newest({ interfaceHash, provided, limit }: ReadQuery): Promise<readonly ModuleMatch[]> {
    const json = provided === undefined ? null : JSON.stringify(provided);
    return this.#database.run(() =>
      readableRecords(this.#database.all(FIND_NEWEST, interfaceHash, json, json, limit)).map((record) => ({ record })),
    );
  }

  async #similar(
    { interfaceHash, threshold, limit, provided }: ReadQuery,
    embedding: Float32Array,
  ): Promise<readonly ModuleMatch[]> {
    const scored = await this.#vectors.find(interfaceHash, embedding, threshold, limit, provided);
    return this.#database.run(() => {
      const matches: ModuleMatch[] = [];
      for (const { id, similarity } of scored) {
        const row = this.#database.get(`SELECT ${ALL} FROM modules WHERE id = ?`, id);
        for (const record of readableRecords(row === undefined ? [] : [row])) {
          // The vectors in memory do not know about a status that was edited by hand.
          if (record.status === 'verified') matches.push({ record, similarity });
        }
      }
      return matches;
    });
  }

  /** Returns the next version of an interface for a changed row. */
  #touch(interfaceHash: string): number {
    return Number(this.#database.get(UPSERT_INTERFACE, interfaceHash)?.version);
  }
}

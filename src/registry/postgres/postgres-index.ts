import type { Clock } from '#core/ports/clock';
import type { LookupOutcome, ModuleMatch, ModuleQuery, ModuleRecord } from '#core/ports/registry';
import { isComparable, packVector, unpackVector } from '../embedding.ts';
import { RegistryError } from '../errors.ts';
import type {
  EvictionRule,
  IndexBackend,
  LogRule,
  ModuleFilter,
  RegistryStatistics,
  Resigning,
  StatusChange,
} from '../index-backend.ts';
import { checkEmbedder, embedderMismatch, type IndexEmbedder, type ReadQuery, readQuery } from '../query.ts';
import { COLUMNS, readableRecords, recordOfRow, valuesOf } from '../record.ts';
import { VectorGroups } from '../vectors/vector-groups.ts';
import { PostgresBlobCustody } from './blob-custody.ts';
import { PostgresConnection, type RunStatement } from './connection.ts';
import { embedderOf } from './embedder.ts';
import { PostgresLookupLog } from './lookup-log.ts';
import { VectorSearch } from './vector-search.ts';
import { vectorSource } from './vector-source.ts';
import { VectorTable } from './vector-table.ts';

export interface PostgresIndexOptions {
  /** `postgres://user:password@host:port/database`, with the parameters of the client `pg`. */
  readonly url: string;
  readonly clock: Clock;
  /** The memory for vectors in bytes, which is used without pgvector; 512 MiB by default. */
  readonly vectorCacheBytes?: number | undefined;
}

const NAMES = COLUMNS.join(', ');
/**
 * The columns from which a record is read. The client receives bytes as text of twice their length and leaves two
 * copies of each vector behind; base64 is only a third longer and is read at once.
 */
const ALL = COLUMNS.map((name) => (name === 'embedding' ? "encode(embedding, 'base64') AS embedding" : name)).join(
  ', ',
);
const PLACES = [...COLUMNS, 'changed'].map((_, at) => `$${at + 1}`).join(', ');
const FIND_NEWEST = `
  SELECT ${ALL} FROM vivarium_modules m
  WHERE interface_hash = $1 AND validation_status = 'verified'
    AND NOT EXISTS (SELECT 1 FROM vivarium_modules s WHERE s.supersedes = m.storage_pointer
      AND s.interface_hash = m.interface_hash AND s.validation_status <> 'pending')
    AND ($2::jsonb IS NULL OR m.requires <@ $2::jsonb)
  ORDER BY created_at DESC, use_count DESC, id LIMIT $3`;
const LIST = `
  SELECT ${ALL} FROM vivarium_modules
  WHERE id > $1 AND ($2::text IS NULL OR validation_status = $2) AND ($3::text IS NULL OR name = $3)
    AND ($4::text IS NULL OR interface_hash = $4) AND ($5::text IS NULL OR storage_pointer = $5)
  ORDER BY id LIMIT $6`;
const EVICT = `
  WITH RECURSIVE doomed (id, interface_hash, supersedes) AS (
    SELECT id, interface_hash, supersedes FROM (
      SELECT id, interface_hash, supersedes, coalesce(last_used_at, created_at) AS used,
        row_number() OVER (ORDER BY use_count DESC, coalesce(last_used_at, created_at) DESC, id) AS place
      FROM vivarium_modules WHERE validation_status <> 'revoked'
    ) ranked WHERE used < $1 OR place > $2
    UNION
    SELECT p.id, p.interface_hash, p.supersedes FROM vivarium_modules p
    JOIN doomed d ON p.storage_pointer = d.supersedes AND p.interface_hash = d.interface_hash
  )
  DELETE FROM vivarium_modules WHERE id IN (SELECT id FROM doomed) AND validation_status <> 'revoked'
  RETURNING id, interface_hash`;

/** The index in PostgreSQL. Vectors are in pgvector if the server has it; otherwise the process scans them. */
export class PostgresModuleIndex implements IndexBackend {
  readonly #connection: PostgresConnection;
  readonly #log: PostgresLookupLog;
  readonly #custody: PostgresBlobCustody;
  readonly #table = new VectorTable();
  readonly #search: VectorSearch;
  readonly #groups: VectorGroups;
  /** Never changes once it is set. */
  #embedder: IndexEmbedder | undefined;

  private constructor(connection: PostgresConnection, options: PostgresIndexOptions) {
    this.#connection = connection;
    this.#log = new PostgresLookupLog(connection);
    this.#custody = new PostgresBlobCustody(connection, options.clock);
    this.#search = new VectorSearch(connection, options.clock);
    this.#groups = new VectorGroups(vectorSource(connection), options.vectorCacheBytes ?? 512 * 2 ** 20);
  }

  /** @throws {RegistryError} `REGISTRY_MISSING_PEER`, `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED`, `REGISTRY_SCHEMA` */
  static async open(options: PostgresIndexOptions): Promise<PostgresModuleIndex> {
    const connection = await PostgresConnection.create(options.url, options.clock);
    try {
      await connection.migrate();
      const index = new PostgresModuleIndex(connection, options);
      await connection.transaction(async (run) => {
        const embedder = await embedderOf(run);
        if (embedder !== undefined) await index.#table.create(run, embedder.dimensions);
      });
      return index;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  insert(record: ModuleRecord): Promise<ModuleRecord> {
    return this.#connection.transaction(async (run) => {
      const { storagePointer: pointer, embedding } = record;
      await this.#custody.lock(run, pointer);
      const [known] = await run(`SELECT ${ALL} FROM vivarium_modules WHERE storage_pointer = $1`, [pointer]);
      if (known !== undefined) return recordOfRow(known);
      await this.#custody.expectKept(run, pointer);
      if (embedding !== undefined) await this.#fixEmbedder(run, record, embedding);
      const values = valuesOf(record, embedding === undefined ? null : packVector(embedding));
      const changed = await touch(run, record.interfaceHash);
      await run(`INSERT INTO vivarium_modules (${NAMES}, changed) VALUES (${PLACES})`, [...values, changed]);
      await this.#index(run, record);
      return record;
    });
  }

  async get(id: string): Promise<ModuleRecord | undefined> {
    const [row] = await this.#connection.query(`SELECT ${ALL} FROM vivarium_modules WHERE id = $1`, [id]);
    return row === undefined ? undefined : recordOfRow(row);
  }

  async find(query: ModuleQuery): Promise<readonly ModuleMatch[]> {
    const read = readQuery(query);
    const run: RunStatement = (sql, values) => this.#connection.query(sql, values);
    this.#embedder ??= await embedderOf(run);
    const embedder = this.#embedder;
    if (query.embedderId !== undefined && embedder !== undefined && query.embedderId !== embedder.id) {
      throw embedderMismatch(embedder, query.embedderId);
    }
    const { embedding, interfaceHash, provided, limit } = read;
    if (embedding === undefined) {
      const met = provided === undefined ? null : JSON.stringify(provided);
      const rows = await run(FIND_NEWEST, [interfaceHash, met, limit]);
      return readableRecords(rows).map((record) => ({ record }));
    }
    return embedder === undefined ? [] : this.#similar(run, read, embedding, embedder.dimensions);
  }

  change(id: string, from: ModuleRecord['status'], change: StatusChange): Promise<boolean> {
    return this.#connection.transaction(async (run) => {
      const [row] = await run(
        `SELECT interface_hash, embedding, supersedes FROM vivarium_modules
         WHERE id = $1 AND validation_status = $2 FOR UPDATE`,
        [id, from],
      );
      if (row === undefined) return false;
      const verification = change.status === 'verified' ? change.verification : null;
      const revocation = change.status === 'revoked' ? change.revocation : null;
      const changed = await touch(run, String(row.interface_hash));
      await run(
        `UPDATE vivarium_modules SET validation_status = $1, verification = $2, revocation = $3, changed = $4
         WHERE id = $5`,
        [change.status, verification, revocation, changed, id],
      );
      await this.#index(run, {
        id,
        interfaceHash: String(row.interface_hash),
        status: change.status,
        embedding: row.embedding instanceof Uint8Array ? unpackVector(row.embedding) : undefined,
        supersedes: typeof row.supersedes === 'string' ? row.supersedes : undefined,
      });
      return true;
    });
  }

  resign(id: string, { from, signature, keyId, verification }: Resigning): Promise<boolean> {
    return this.#connection.transaction(async (run) => {
      const [row] = await run(
        `SELECT interface_hash FROM vivarium_modules
         WHERE id = $1 AND validation_status = $2 AND signature = $3 AND verification IS NOT DISTINCT FROM $4
         FOR UPDATE`,
        [id, from.status, from.signature, from.verification ?? null],
      );
      if (row === undefined) return false;
      const changed = await touch(run, String(row.interface_hash));
      await run(
        'UPDATE vivarium_modules SET signature = $1, key_id = $2, verification = $3, changed = $4 WHERE id = $5',
        [signature, keyId, verification ?? null, changed, id],
      );
      return true;
    });
  }

  async touch(id: string, at: number): Promise<void> {
    await this.#connection.query(
      'UPDATE vivarium_modules SET last_used_at = greatest(coalesce(last_used_at, 0), $1) WHERE id = $2',
      [at, id],
    );
  }

  async list(filter: ModuleFilter): Promise<readonly ModuleRecord[]> {
    const { status, name, interfaceHash, storagePointer, after = '', limit = 100 } = filter;
    const values = [after, status ?? null, name ?? null, interfaceHash ?? null, storagePointer ?? null, limit];
    return readableRecords(await this.#connection.query(LIST, values));
  }

  evict({ idleSince, keep }: EvictionRule): Promise<readonly string[]> {
    return this.#connection.transaction(async (run) => {
      const gone = await run(EVICT, [idleSince ?? 0, keep ?? Number.MAX_SAFE_INTEGER]);
      const hashes = [...new Set(gone.map((row) => String(row.interface_hash)))].sort();
      for (const hash of hashes) {
        await run('UPDATE vivarium_interfaces SET generation = generation + 1 WHERE interface_hash = $1', [hash]);
      }
      return gone.map(({ id }) => String(id));
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

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #similar(
    run: RunStatement,
    query: ReadQuery,
    embedding: Float32Array,
    dimensions: number,
  ): Promise<readonly ModuleMatch[]> {
    const { interfaceHash, threshold, limit, provided } = query;
    const scored = (await this.#table.isThere(run))
      ? await this.#search.find(query, embedding, dimensions)
      : await this.#groups.find(interfaceHash, embedding, threshold, limit, provided);
    if (scored.length === 0) return [];
    const ids = scored.map(({ id }) => id);
    const rows = await run(`SELECT ${ALL} FROM vivarium_modules WHERE id = ANY($1)`, [ids]);
    const records = new Map(readableRecords(rows).map((record) => [record.id, record]));
    return scored.flatMap(({ id, similarity }) => {
      const record = records.get(id);
      // The data of the search does not know about a status that was edited by hand.
      return record?.status === 'verified' ? [{ record, similarity }] : [];
    });
  }

  /** Sets the index's embedder and dimensions when the first vector is published. */
  async #fixEmbedder(run: RunStatement, record: ModuleRecord, embedding: Float32Array): Promise<void> {
    const [first] = await run(
      'INSERT INTO vivarium_embedder (one, id, dimensions) VALUES (1, $1, $2) ON CONFLICT DO NOTHING RETURNING one',
      [record.embedderId ?? '', embedding.length],
    );
    if (first !== undefined) return this.#table.create(run, embedding.length);
    const embedder = await embedderOf(run);
    if (embedder === undefined)
      throw new RegistryError('REGISTRY_BAD_RECORD', 'the index lost its embedder; publish again');
    checkEmbedder(embedder, record);
  }

  /** Updates the vector table to a record's status, for the record and for the one that it supersedes. */
  async #index(
    run: RunStatement,
    record: Pick<ModuleRecord, 'id' | 'interfaceHash' | 'status' | 'embedding' | 'supersedes'>,
  ): Promise<void> {
    if (record.status === 'pending' || !(await this.#table.isThere(run))) return;
    const { id, interfaceHash, status, embedding, supersedes } = record;
    if (status === 'revoked') await this.#table.remove(run, interfaceHash, { id });
    else if (embedding !== undefined && isComparable(embedding)) await this.#table.add(run, id, embedding);
    if (supersedes !== undefined) await this.#table.remove(run, interfaceHash, { storagePointer: supersedes });
  }
}

/** Returns the next version of an interface for a changed row. The row is locked until the transaction ends. */
async function touch(run: RunStatement, interfaceHash: string): Promise<number> {
  const [row] = await run(
    `INSERT INTO vivarium_interfaces (interface_hash, version, generation) VALUES ($1, 1, 0)
     ON CONFLICT (interface_hash) DO UPDATE SET version = vivarium_interfaces.version + 1 RETURNING version`,
    [interfaceHash],
  );
  return Number(row?.version);
}

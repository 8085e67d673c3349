import { allow, checkOptions } from '#core/options';
import type { Clock } from '#core/ports/clock';
import type {
  BlobInventory,
  BlobStore,
  FetchedModule,
  LookupOutcome,
  ModuleMatch,
  ModuleQuery,
  ModuleRecord,
  ModuleRegistry,
  RegistryMetrics,
} from '#core/ports/registry';
import { shownText } from '#core/text';
import type { TrustedKey } from '#security/signers';
import { readBlob } from './blobs/read-blob.ts';
import { type CollectionReport, collectOrphans } from './collect-orphans.ts';
import { cosineOf } from './embedding.ts';
import { RegistryError } from './errors.ts';
import type { EvictionRule, IndexBackend, ModuleFilter, RegistryStatistics } from './index-backend.ts';
import { LookupRetention, RETENTION, type RetentionOptions } from './lookup-retention.ts';
import { type ModuleTrust, revoked } from './module-trust.ts';
import { checkAsked, type ReadQuery, readQuery } from './query.ts';
import { isModuleId } from './record.ts';
import { MemoryRetiredModules, type RetiredModules } from './retired-modules.ts';

export interface RegistryClientOptions {
  readonly index: IndexBackend;
  readonly blobs: BlobStore & BlobInventory;
  readonly trust: ModuleTrust;
  readonly clock: Clock;
  /** Where this machine records which modules it saw superseded or revoked; in memory by default. */
  readonly retired?: RetiredModules | undefined;
  /** How long and how many lookups are kept. */
  readonly lookups?: RetentionOptions | undefined;
  /** Called with each module that was found and refused. */
  readonly refused?: ((error: RegistryError, record: ModuleRecord) => void) | undefined;
}

/** The most rows that one query checks, because the remaining ones may be refused as well. */
const MAX_CANDIDATES = 256;

/** The float32 sum of 8,192 products depends on the order of addition by less than this. */
const SIMILARITY_ERROR = 1e-4;
/** How often the time of a module's last use is written, so that most fetches write nothing. */
const TOUCH_MS = 3_600_000;

/** Errors that say that a module must not run, whoever offers it. */
const REFUSALS: ReadonlySet<string> = new Set([
  'REGISTRY_BAD_RECORD',
  'REGISTRY_BAD_SIGNATURE',
  'REGISTRY_BLOB_DAMAGED',
  'REGISTRY_NOT_VERIFIED',
  'REGISTRY_REVOKED',
  'REGISTRY_UNTRUSTED',
]);

const CLIENT: allow.OptionRules<RegistryClientOptions> = {
  index: allow.part('find', 'get'),
  blobs: allow.part('get', 'list', 'delete'),
  trust: allow.part('check'),
  clock: allow.part('now'),
  retired: allow.anything,
  lookups: allow.options(RETENTION),
  refused: allow.func,
};
const RULE = allow.required(CLIENT, 'index', 'blobs', 'trust', 'clock');

/** Finds, fetches and administers published components. Everything that it returns was checked against trusted keys. */
export class RegistryClient implements ModuleRegistry {
  readonly #options: RegistryClientOptions;
  readonly #retired: RetiredModules;
  readonly #lookups: LookupRetention;
  readonly #counts = { queries: 0, matched: 0, refused: 0, fetches: 0, fetchedBytes: 0, failures: 0 };

  /** @throws {CoreError} `CORE_INVALID_OPTION` */
  constructor(options: RegistryClientOptions) {
    checkOptions(options ?? null, RULE);
    this.#options = options;
    this.#retired = options.retired ?? new MemoryRetiredModules();
    this.#lookups = new LookupRetention(options.index, options.clock, options.lookups);
  }

  /**
   * Returns trusted matches, best first. Matches that are refused are reported and skipped, never returned.
   * @throws {RegistryError} `REGISTRY_INVALID_QUERY`, `REGISTRY_EMBEDDER_MISMATCH`, `REGISTRY_UNAVAILABLE`
   */
  async query(query: ModuleQuery): Promise<readonly ModuleMatch[]> {
    this.#counts.queries += 1;
    const matches = await this.#counting(this.#query(query));
    if (matches.length > 0) this.#counts.matched += 1;
    return matches;
  }

  async #query(query: ModuleQuery): Promise<readonly ModuleMatch[]> {
    const read = readQuery(query);
    const { limit } = read;
    const judged = new Map<string, boolean>();
    for (let asked = limit; ; asked = Math.min(asked * 8, Math.max(limit, MAX_CANDIDATES))) {
      const candidates = await this.#options.index.find({ ...query, limit: asked });
      const trusted: ModuleMatch[] = [];
      for (const candidate of candidates) {
        const { record } = candidate;
        const isTrusted = judged.get(record.id) ?? (await this.#accepts(candidate, read));
        judged.set(record.id, isTrusted);
        if (isTrusted) trusted.push(candidate);
        if (trusted.length === limit) break;
      }
      const isAll = candidates.length < asked || asked >= MAX_CANDIDATES;
      if (trusted.length === limit || trusted.length === candidates.length || isAll) return trusted;
    }
  }

  /**
   * Returns the bytes of a verified module, checked against its signed digest.
   * @throws {RegistryError} `REGISTRY_NOT_FOUND`, `REGISTRY_NOT_VERIFIED`, `REGISTRY_REVOKED`, `REGISTRY_BAD_RECORD`,
   * `REGISTRY_BAD_SIGNATURE`, `REGISTRY_UNTRUSTED`, `REGISTRY_BLOB_MISSING`, `REGISTRY_BLOB_DAMAGED`,
   * `REGISTRY_UNAVAILABLE`
   */
  async fetch(id: string, signal?: AbortSignal): Promise<FetchedModule> {
    this.#counts.fetches += 1;
    const fetched = await this.#counting(this.#fetch(id, signal));
    this.#counts.fetchedBytes += fetched.bytes.length;
    return fetched;
  }

  /** Returns the counts of what this client did. */
  metrics(): RegistryMetrics {
    return { ...this.#counts };
  }

  async #fetch(id: string, signal: AbortSignal | undefined): Promise<FetchedModule> {
    const record = await this.get(id);
    const signers = await this.#check(record);
    if ((await this.#retired.get(record.storagePointer)) === 'revoked') throw revoked(record);
    const bytes = await readBlob(this.#options.blobs, record, signal);
    await this.#touch(record);
    return { record, signers: signers.map(({ keyId }) => keyId), bytes };
  }

  /**
   * Logs the outcome of a lookup, and sometimes deletes old outcomes. @throws {RegistryError} `REGISTRY_UNAVAILABLE`
   */
  record(outcome: LookupOutcome): Promise<void> {
    return this.#lookups.append(outcome);
  }

  /** Deletes lookups that are too old or too many. Returns how many. @throws {RegistryError} `REGISTRY_UNAVAILABLE` */
  forgetLookups(): Promise<number> {
    return this.#lookups.forget();
  }

  /**
   * Returns a record of the index without checking it. @throws {RegistryError} `REGISTRY_NOT_FOUND`,
   * `REGISTRY_BAD_RECORD`
   */
  async get(id: string): Promise<ModuleRecord> {
    const record = isModuleId(id) ? await this.#options.index.get(id) : undefined;
    if (record === undefined) {
      throw new RegistryError('REGISTRY_NOT_FOUND', `there is no module ${shownText(id)} in this registry`);
    }
    return record;
  }

  /** Lists records by id without checking them, for people to read. */
  async list(filter: ModuleFilter = {}): Promise<readonly ModuleRecord[]> {
    checkAsked(filter, 'filter');
    return this.#options.index.list(filter);
  }

  statistics(): Promise<RegistryStatistics> {
    return this.#options.index.statistics();
  }

  /** Deletes records and returns their ids. The next collection deletes their blobs. */
  async evict(rule: EvictionRule): Promise<readonly string[]> {
    checkAsked(rule ?? null, 'eviction');
    return this.#options.index.evict(rule);
  }

  /** Deletes blobs that no record points to and that were stored longer ago than `graceMs`. */
  async collectOrphans(graceMs?: number): Promise<CollectionReport> {
    checkAsked(graceMs, 'grace', 'graceMs');
    return collectOrphans(this.#options, graceMs);
  }

  /**
   * Records a use, because modules that run by id alone are in use too. Errors are ignored, so that a reader without
   * write access can fetch as well.
   */
  async #touch({ id, lastUsedAt = 0 }: ModuleRecord): Promise<void> {
    const { index, clock } = this.#options;
    const now = clock.now();
    if (now - lastUsedAt < TOUCH_MS) return;
    try {
      await index.touch(id, now);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
    }
  }

  async #accepts(match: ModuleMatch, query: ReadQuery): Promise<boolean> {
    const { record } = match;
    try {
      await this.#check(record);
      checkAnswer(match, query);
      const retirement = await this.#retired.get(record.storagePointer);
      if (retirement === 'revoked') throw revoked(record);
      if (retirement === 'superseded') {
        throw new RegistryError(
          'REGISTRY_SUPERSEDED',
          `module ${record.id} (${record.name} ${record.version}) was replaced by a newer one that is not offered any more`,
        );
      }
      if (record.supersedes !== undefined) await this.#retired.add(record.supersedes, 'superseded');
      return true;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code === 'REGISTRY_UNAVAILABLE') throw error;
      this.#counts.refused += 1;
      this.#options.refused?.(error, record);
      return false;
    }
  }

  async #counting<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const isRefusal = error instanceof RegistryError && REFUSALS.has(error.code);
      this.#counts[isRefusal ? 'refused' : 'failures'] += 1;
      throw error;
    }
  }

  async #check(record: ModuleRecord): Promise<readonly TrustedKey[]> {
    if (record.status === 'revoked' && (await this.#options.trust.isRevocationSigned(record))) {
      await this.#retired.add(record.storagePointer, 'revoked');
    }
    return this.#options.trust.check(record);
  }
}

/**
 * Checks a match against the query, using only what was signed. The index may return anything, and unsigned columns may
 * have been edited. @throws {RegistryError} `REGISTRY_BAD_RECORD`
 */
function checkAnswer({ record, similarity = Number.NaN }: ModuleMatch, query: ReadQuery): void {
  const refuse = (why: string): never => {
    throw new RegistryError('REGISTRY_BAD_RECORD', `the index answered with module ${record.id} ${why}`);
  };
  if (record.interfaceHash !== query.interfaceHash) refuse('of another interface');
  const { embedding, provided, threshold } = query;
  const lacking = provided && record.requires.find((name) => !provided.includes(name));
  if (lacking !== undefined) refuse(`which asks for ${shownText(lacking)}, and that is not provided`);
  if (embedding === undefined) return;
  const signed = record.embedding?.length === embedding.length ? cosineOf(record.embedding, embedding) : Number.NaN;
  if (!(Math.abs(signed - similarity) <= SIMILARITY_ERROR && signed >= threshold - SIMILARITY_ERROR)) {
    refuse(`as similar by ${similarity}, and by the vector that was signed it is ${signed}`);
  }
}

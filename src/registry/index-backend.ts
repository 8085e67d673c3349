import type { LookupOutcome, ModuleIndex, ModuleRecord, ValidationStatus } from '#core/ports/registry';

export type StatusChange =
  | { readonly status: 'verified'; readonly verification: string }
  | { readonly status: 'revoked'; readonly revocation: string };

export interface ModuleFilter {
  readonly status?: ValidationStatus | undefined;
  readonly name?: string | undefined;
  readonly interfaceHash?: string | undefined;
  readonly storagePointer?: string | undefined;
  /** Selects records with greater ids, to continue after the last page. */
  readonly after?: string | undefined;
  /** The most records; 100 by default. */
  readonly limit?: number | undefined;
}

export interface EvictionRule {
  /** Evicts modules whose last use, or publication if never used, is before this time (milliseconds since 1970). */
  readonly idleSince?: number | undefined;
  /** Keeps at most this many modules: those with the most uses, and among equals those used last. */
  readonly keep?: number | undefined;
}

/** Envelopes that replace those that were read. */
export interface Resigning {
  /** The envelope and status of the publication as they were read. */
  readonly from: Pick<ModuleRecord, 'signature' | 'status' | 'verification'>;
  readonly signature: string;
  readonly keyId: string;
  /** The envelope of the verification, for a verified module. */
  readonly verification?: string | undefined;
}

/** Changes records after they were inserted. */
export interface ModuleLifecycle {
  /** Changes the status if it is still `from`. Returns whether it did. Revoking removes the verification. */
  change(id: string, from: ValidationStatus, change: StatusChange): Promise<boolean>;
  /** Replaces the envelopes if nobody else changed them or the status. Returns whether it did. */
  resign(id: string, change: Resigning): Promise<boolean>;
  /** Records the time of a module's use, for eviction. Lookup logs maintain its use count. */
  touch(id: string, at: number): Promise<void>;
  /** Lists records by id. Rows that cannot be read are left out. */
  list(filter: ModuleFilter): Promise<readonly ModuleRecord[]>;
  /**
   * Deletes records and returns their ids. Revoked records stay, so that the same bytes cannot be published again. The
   * modules that an evicted one superseded are deleted with it, so that they do not become current again.
   */
  evict(rule: EvictionRule): Promise<readonly string[]>;
}

export interface RegistryStatistics {
  readonly modules: Readonly<Record<ValidationStatus, number>>;
  /** The bytes of all modules that are not revoked. */
  readonly bytes: number;
  readonly outcomes: Readonly<Record<LookupOutcome['outcome'], number>>;
  /** The share of hits among all lookups, 0 to 1; 0 without lookups. */
  readonly hitRate: number;
  /** The sum over all hits of the average time of a miss for the same interface minus the time of the hit. */
  readonly savedMs: number;
  readonly mostUsed: readonly { readonly id: string; readonly name: string; readonly useCount: number }[];
}

export interface LogRule {
  /** Deletes outcomes before this time (milliseconds since 1970). */
  readonly before: number;
  /** Keeps at most this many outcomes, the newest. */
  readonly keep: number;
}

/** What was looked up, and with which outcome. */
export interface LookupLog {
  /** Logs the outcome. A hit counts as a use of its module. */
  append(outcome: LookupOutcome, at: number): Promise<void>;
  statistics(): Promise<RegistryStatistics>;
  /** Deletes outcomes. Returns how many. */
  forget(rule: LogRule): Promise<number>;
}

/** Keeps a blob from being deleted while a record that points to it is being inserted. */
export interface BlobCustody {
  /**
   * Marks a blob for deletion, unless a record that is not revoked points to it or it is already marked. Returns
   * whether it did. For `leaseMs` no record for the blob can be inserted (`REGISTRY_BUSY`); after that the mark has no
   * effect.
   */
  condemn(pointer: string, leaseMs: number): Promise<boolean>;
  /** Removes the mark. */
  absolve(pointer: string): Promise<void>;
}

/** Everything that a database does for the registry. One test suite runs over every implementation. */
export interface IndexBackend extends ModuleIndex, ModuleLifecycle, LookupLog, BlobCustody {
  close(): Promise<void>;
}

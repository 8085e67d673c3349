import type { LookupOutcome, ModuleIndex, ModuleRecord, ValidationStatus } from '#core/ports/registry';

export type StatusChange =
  | { readonly status: 'verified'; readonly verification: string }
  | { readonly status: 'revoked'; readonly revocation: string };

export interface ModuleFilter {
  readonly status?: ValidationStatus | undefined;
  readonly name?: string | undefined;
  readonly interfaceHash?: string | undefined;
  readonly storagePointer?: string | undefined;
  /** Records with greater ids only: where the last page ended. */
  readonly after?: string | undefined;
  /** Most records; 100 by default. */
  readonly limit?: number | undefined;
}

export interface EvictionRule {
  /** Evicts what was last used, or published when never used, before this time (milliseconds since 1970). */
  readonly idleSince?: number | undefined;
  /** Keeps at most so many modules: the most used, and of equals the last used. */
  readonly keep?: number | undefined;
}

/** Envelopes that take the place of those that were read. */
export interface Resigning {
  /** The publication's envelope and the status as they were read. */
  readonly from: Pick<ModuleRecord, 'signature' | 'status' | 'verification'>;
  readonly signature: string;
  readonly keyId: string;
  /** For a verified module. */
  readonly verification?: string | undefined;
}

/** A record's life after it was inserted. */
export interface ModuleLifecycle {
  /** Changes the status if it is still `from`; answers whether it did. Revoking drops the verification. */
  change(id: string, from: ValidationStatus, change: StatusChange): Promise<boolean>;
  /** Exchanges the envelopes if nobody else changed them or the status; answers whether it did. */
  resign(id: string, change: Resigning): Promise<boolean>;
  /** Says that a module was used, for eviction; its use count is for those who log lookups. */
  touch(id: string, at: number): Promise<void>;
  /** Records by id; rows that cannot be read are left out. */
  list(filter: ModuleFilter): Promise<readonly ModuleRecord[]>;
  /**
   * Deletes records and answers their ids. Revoked ones stay, so that the same bytes are not published again; what an
   * evicted module superseded goes with it, so that it does not come back.
   */
  evict(rule: EvictionRule): Promise<readonly string[]>;
}

export interface RegistryStatistics {
  readonly modules: Readonly<Record<ValidationStatus, number>>;
  /** Bytes of all modules that are not revoked. */
  readonly bytes: number;
  readonly outcomes: Readonly<Record<LookupOutcome['outcome'], number>>;
  /** Hits among all lookups, 0 to 1; 0 when there were none. */
  readonly hitRate: number;
  /** For each hit, what a miss of the same interface took on average less what the hit took. */
  readonly savedMs: number;
  readonly mostUsed: readonly { readonly id: string; readonly name: string; readonly useCount: number }[];
}

export interface LogRule {
  /** Forgets outcomes before this time (milliseconds since 1970). */
  readonly before: number;
  /** Keeps at most so many outcomes, the newest. */
  readonly keep: number;
}

/** What was asked and how it ended. */
export interface LookupLog {
  /** Logs the outcome; a hit counts as a use of its module. */
  append(outcome: LookupOutcome, at: number): Promise<void>;
  statistics(): Promise<RegistryStatistics>;
  /** Forgets outcomes; answers how many. */
  forget(rule: LogRule): Promise<number>;
}

/** Keeps a blob from being deleted while a record that points to it is being inserted. */
export interface BlobCustody {
  /**
   * Marks a blob for deletion, unless a record that is not revoked points to it or it is marked already; answers whether
   * it did. For `leaseMs` no record of it can be inserted (`REGISTRY_BUSY`); a mark that is older counts for nothing.
   */
  condemn(pointer: string, leaseMs: number): Promise<boolean>;
  /** Takes the mark away. */
  absolve(pointer: string): Promise<void>;
}

/** Everything that a database does for the registry; one suite runs over every implementation. */
export interface IndexBackend extends ModuleIndex, ModuleLifecycle, LookupLog, BlobCustody {
  close(): Promise<void>;
}

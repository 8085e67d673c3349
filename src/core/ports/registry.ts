/** `pending` until its checks passed, `verified` by a second signature, `revoked` permanently. */
export type ValidationStatus = 'pending' | 'verified' | 'revoked';

/** A published component as the index stores it. A signed envelope covers everything except the counters. */
export interface ModuleRecord {
  /** UUID. */
  readonly id: string;
  /** `sha256:` and 64 hex digits of the bytes, which is also their key in a blob store. */
  readonly storagePointer: string;
  readonly size: number;
  /** The hash of the names and types of the exports. */
  readonly interfaceHash: string;
  /** The hash of the names and types of the imports. */
  readonly requiresHash: string;
  /** The names of the imports, sorted. */
  readonly requires: readonly string[];
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** The storage pointer of the module with the same interface that this one replaces. */
  readonly supersedes?: string | undefined;
  /** The embedder that made the vector. */
  readonly embedderId?: string | undefined;
  readonly embedding?: Float32Array | undefined;
  readonly status: ValidationStatus;
  /** The publisher's DSSE envelope as JSON. */
  readonly signature: string;
  /** The key id of the last signature that was added to that envelope. It is only a hint. */
  readonly keyId: string;
  /** The verifier's DSSE envelope as JSON. Without it, a `verified` in the row has no meaning. */
  readonly verification?: string | undefined;
  /** The envelope of whoever revoked it, as JSON. */
  readonly revocation?: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly lastUsedAt?: number | undefined;
  readonly useCount: number;
}

export interface ModuleQuery {
  readonly interfaceHash: string;
  /** The wanted meaning. Without one, the newest verified module is the result. */
  readonly embedding?: Float32Array | undefined;
  /** The embedder that made the vector. It is an error if the index has another one. */
  readonly embedderId?: string | undefined;
  /** The least cosine similarity, -1 to 1; 0.95 by default. */
  readonly threshold?: number | undefined;
  /** The available imports. A module that needs another import is skipped. By default nothing is skipped. */
  readonly provided?: readonly string[] | undefined;
  /** The most matches; 1 by default. */
  readonly limit?: number | undefined;
}

export interface ModuleMatch {
  readonly record: ModuleRecord;
  /** The cosine similarity; absent without an embedding in the query. */
  readonly similarity?: number | undefined;
}

/** Stores records and finds them. Its results are not trusted: its caller checks the signatures. */
export interface ModuleIndex {
  /** Inserts the record, or returns the existing one for the same bytes. */
  insert(record: ModuleRecord): Promise<ModuleRecord>;
  get(id: string): Promise<ModuleRecord | undefined>;
  /**
   * Returns verified modules that no other one supersedes, best first: by similarity when an embedding is given, newest
   * first otherwise; ties by use count, then age, then id. A vector that cannot be compared matches nothing.
   */
  find(query: ModuleQuery): Promise<readonly ModuleMatch[]>;
}

/** Immutable bytes by their digest. */
export interface BlobStore {
  /** Stores the bytes durably. Storing them again resets their age. */
  put(pointer: string, bytes: Uint8Array): Promise<void>;
  /** Returns the unchecked bytes, or undefined when there are none. Reads at most `maxBytes`. */
  get(pointer: string, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array | undefined>;
}

/** What garbage collection needs from a blob store. */
export interface BlobInventory {
  /** Lists every blob with the time of its last `put`, in milliseconds since 1970. */
  list(): AsyncIterable<{ readonly pointer: string; readonly storedAt: number }>;
  delete(pointer: string): Promise<void>;
}

export interface FetchedModule {
  readonly record: ModuleRecord;
  /** The ids of the trusted, valid keys that signed the publication. */
  readonly signers?: readonly string[] | undefined;
  /** The very bytes that were checked; nobody else has a reference to them. */
  readonly bytes: Uint8Array;
}

/** The outcome of a call for which the registry was queried. */
export interface LookupOutcome {
  /** The hash of the request, 64 hex digits. */
  readonly requestHash: string;
  readonly interfaceHash: string;
  /**
   * `hit`: a module answered. `miss`: none matched. `refused`: a module matched that was not trusted. `failed`: a
   * module ran and failed.
   */
  readonly outcome: 'hit' | 'miss' | 'refused' | 'failed';
  readonly moduleId?: string | undefined;
  /** Milliseconds from the decision to the answer. */
  readonly elapsedMs: number;
}

/** The counts of a registry client since it was made. */
export interface RegistryMetrics {
  readonly queries: number;
  /** Queries that found a trusted module. */
  readonly matched: number;
  /** Modules that were found or fetched but not trusted. */
  readonly refused: number;
  readonly fetches: number;
  readonly fetchedBytes: number;
  /** Queries and fetches that failed for another reason than trust. */
  readonly failures: number;
}

/** Finds and fetches published components, only trusted ones. */
export interface ModuleRegistry {
  /** Returns trusted matches, best first. @throws `REGISTRY_…` */
  query(query: ModuleQuery): Promise<readonly ModuleMatch[]>;
  /** Returns the verified bytes of a trusted module. @throws `REGISTRY_…` */
  fetch(id: string, signal?: AbortSignal): Promise<FetchedModule>;
  /** Logs the outcome of a lookup. */
  record(outcome: LookupOutcome): Promise<void>;
  /** Returns the counts, if it counts. */
  metrics?(): RegistryMetrics;
  /** Lists records by id without checking them, for people to read. @param filter at most `limit` records, with greater ids than `after` */
  list?(filter: { readonly limit: number; readonly after?: string | undefined }): Promise<readonly ModuleRecord[]>;
}

/** Converts text to a vector of its meaning. */
export interface Embedder {
  /** Identifies the model and its version. Vectors with different ids cannot be compared. */
  readonly id: string;
  embed(text: string, signal?: AbortSignal): Promise<Float32Array>;
}

export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ModelRequest {
  readonly model: string;
  readonly messages: readonly ModelMessage[];
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
}

export interface ModelReply {
  readonly text: string;
  /** The tokens that were read and written, if the provider reports them. */
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
}

/** A language model, wherever it runs. */
export interface ModelProvider {
  complete(request: ModelRequest, signal?: AbortSignal): Promise<ModelReply>;
}
